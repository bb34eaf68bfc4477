/** Light, dark or as the system has it; remembered. */

/** @import { Theme } from "./types" */

import { recall, remember } from "./memory.js";
import { store } from "./state.js";

const KEY = "shiftscope.theme";
/** @type {Theme[]} */
export const THEMES = ["system", "light", "dark"];

/** Put the remembered theme on the page; called before anything is painted. */
export function startTheme() {
  const remembered = THEMES.find((theme) => theme === recall(KEY));
  if (remembered) store.set({ theme: remembered });
  apply();
  dark.addEventListener("change", apply);
  store.subscribe((state, before) => {
    if (state.theme !== before.theme) apply();
  });
}

const dark = window.matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<() => void>} */
const listeners = new Set();

function apply() {
  const { theme } = store.get();
  const chosen = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = chosen;
  for (const listener of listeners) listener();
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  remember(KEY, theme);
  store.set({ theme });
}

/**
 * Hear when the colours change, for what CSS does not reach.
 * @param {() => void} listener
 */
export function onColors(listener) {
  listeners.add(listener);
}

/**
 * A colour of the style sheet, by its custom property.
 * @param {string} name
 */
export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
