// A picture file that is dropped anywhere on the page is encoded and kept.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { keepOwn } from "../store/own.js";
import { Notice } from "./Notice.jsx";

const isOver = signal(false);

export function Drop({ children }) {
  useEffect(() => {
    const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
    const over = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event) => event.relatedTarget === null && (isOver.value = false);
    const drop = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      isOver.value = false;
      keepOwn([...event.dataTransfer.files]);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => (removeEventListener("dragover", over), removeEventListener("dragleave", leave), removeEventListener("drop", drop));
  }, []);
  return (
    <>
      {children}
      <Notice place="drop" />
      {isOver.value && <div class="drop-here" aria-hidden="true"><p>Drop a picture to keep it. Two pictures become A and B of a morph.</p></div>}
    </>
  );
}
