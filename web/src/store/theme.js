// Light or dark: as the system says, until the switch says otherwise.

import { computed, signal } from "@preact/signals";

const KEY = "papilio-theme"; // the report's, too
const system = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", () => (systemIsDark.value = system.matches));

const chosen = signal(remembered());
export const isDark = computed(() => (chosen.value ? chosen.value === "dark" : systemIsDark.value));

export function switchTheme() {
  chosen.value = isDark.value ? "light" : "dark";
  document.documentElement.dataset.theme = chosen.value;
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch {
    // a page opened from a file may have no storage
  }
}

function remembered() {
  let theme = null;
  try {
    theme = localStorage.getItem(KEY);
  } catch {
    return null;
  }
  if (theme !== "light" && theme !== "dark") return null;
  document.documentElement.dataset.theme = theme;
  return theme;
}

export const movesLess = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
