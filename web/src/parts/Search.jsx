// A box that finds classes, points and files. The list under it is moved through with the arrow keys.

import { useState } from "preact/hooks";
import { data } from "../store/run.js";
import { found, membersOf } from "../store/search.js";
import { select, tab } from "../store/selection.js";
import { keepAndShow } from "./Thumb.jsx";

export function Search() {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [isOpen, setOpen] = useState(false);
  const results = isOpen ? found(data.value, text) : [];

  const take = (result) => {
    setOpen(false);
    if (result.kind === "class") select(membersOf(data.value.labels, result.number), `of ${result.words}`);
    else {
      tab.value = "kept";
      keepAndShow(result.number);
    }
  };
  const onKeyDown = (event) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, results.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter" && results[at]) take(results[at]);
    else if (event.key === "Escape") setOpen(false);
    else return;
    event.preventDefault();
  };
  const one = data.value?.run;
  const hint = !one ? "" : one.classes.length ? "class, number or file name" : "number or file name";
  return (
    <div class="search">
      <input
        type="search" id="search" placeholder={`Find ${hint.replace(" or file name", ", file")}`} aria-label={`Find ${hint}`} value={text} autocomplete="off"
        role="combobox" aria-expanded={results.length > 0} aria-controls="search-results"
        aria-activedescendant={results[at] ? `found-${at}` : undefined}
        onInput={(event) => (setText(event.target.value), setAt(0), setOpen(true))}
        onKeyDown={onKeyDown} onBlur={() => setTimeout(() => setOpen(false), 150)} onFocus={() => setOpen(true)}
      />
      {isOpen && text.trim() && (
        <ul id="search-results" role="listbox" aria-label="Found">
          {results.map((result, n) => (
            <li key={result.words} id={`found-${n}`} role="option" aria-selected={n === at} onPointerDown={(event) => event.preventDefault()} onClick={() => take(result)}>
              {result.words}
            </li>
          ))}
          {results.length === 0 && <li class="minor" role="option" aria-selected="false" aria-disabled="true">Nothing is called “{text.trim()}”.</li>}
        </ul>
      )}
    </div>
  );
}
