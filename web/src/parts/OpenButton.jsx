// What dropping a file does, for those without a mouse.

import { useRef } from "preact/hooks";
import { keepOwn } from "../store/own.js";

export function OpenButton() {
  const input = useRef(null);
  const open = (event) => {
    keepOwn([...event.target.files]);
    event.target.value = ""; // the same file can be opened again
  };
  return (
    <>
      <button type="button" onClick={() => input.current.click()}>Open a picture</button>
      <input ref={input} type="file" accept="image/*" multiple hidden onChange={open} aria-label="Picture files" />
    </>
  );
}
