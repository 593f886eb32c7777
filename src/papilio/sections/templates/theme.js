// Light or dark: as the system says, until the button says otherwise.
(function () {
  const root = document.documentElement;
  const key = "papilio-theme";
  const remembered = function () {
    // a page opened from a file may have no storage
    try { return localStorage.getItem(key); } catch (error) { return null; }
  };
  const remember = function (theme) {
    try { localStorage.setItem(key, theme); } catch (error) { return; }
  };
  const isDark = function () {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  const kept = remembered();
  if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  const label = function (button) {
    button.textContent = isDark() ? "Switch to light" : "Switch to dark";
  };
  // a table that is wider than its box says so, as phones show no bars
  const mark = function (box) {
    const left = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.classList.toggle("more", left > 2);
    const caption = box.querySelector("caption");
    box.style.setProperty("--caption", (caption ? caption.offsetHeight : 0) + "px");
  };
  // only a table that does not fit into the column may stick out of it
  const widen = function (box) {
    box.classList.remove("wide");
    box.classList.toggle("wide", box.scrollWidth > box.clientWidth + 1);
  };
  document.addEventListener("DOMContentLoaded", function () {
    const button = document.getElementById("theme");
    button.hidden = false;
    label(button);
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      label(button);
      remember(root.dataset.theme);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", function () { label(button); });
    const boxes = Array.from(document.querySelectorAll(".scroll"));
    const markAll = function () { boxes.forEach(widen); boxes.forEach(mark); };
    boxes.forEach(function (box) { box.addEventListener("scroll", function () { mark(box); }, { passive: true }); });
    document.querySelectorAll("details").forEach(function (one) { one.addEventListener("toggle", markAll); });
    addEventListener("resize", markAll);
    markAll();
  });
})();
