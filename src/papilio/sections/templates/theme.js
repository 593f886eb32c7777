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
  document.addEventListener("DOMContentLoaded", function () {
    const button = document.getElementById("theme");
    button.hidden = false;
    button.setAttribute("aria-pressed", String(isDark()));
    button.addEventListener("click", function () {
      root.dataset.theme = isDark() ? "light" : "dark";
      button.setAttribute("aria-pressed", String(isDark()));
      remember(root.dataset.theme);
    });
  });
})();
