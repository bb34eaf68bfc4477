/**
 * Keys: each control carries its own as `aria-keyshortcuts`, so that screen readers know it too,
 * and `?` lists those of the page in sight. What takes more than a press says so in `data-keys`.
 */

import { h } from "./dom.js";

const TYPING = "input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, " +
  "select, [contenteditable=true]";

/** Hear the keyboard; called once. */
export function startShortcuts() {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (target?.closest(TYPING) || document.querySelector("dialog[open]")) return;
    const control = controls().find((one) => keysOf(one).includes(event.key));
    if (!control) return;
    event.preventDefault();
    if (control.matches(TYPING)) control.focus();
    else control.click();
  });
}

/** @returns {HTMLElement[]} Those in sight that have a key; of two with one key the first is meant */
function controls() {
  return [.../** @type {NodeListOf<HTMLElement>} */ (
    document.querySelectorAll("[aria-keyshortcuts]:not(:disabled)"))]
    .filter((element) => element.checkVisibility());
}

/** @param {Element} element */
const keysOf = (element) => (element.getAttribute("aria-keyshortcuts") ?? "").split(" ");

/** A button that lists the keys, with a key of its own. */
export function shortcutsButton() {
  return h("button", { type: "button", class: "quiet", "aria-keyshortcuts": "?", onclick: open },
    "Keyboard shortcuts");
}

function open() {
  const dialog = h("dialog", { class: "shortcuts", "aria-labelledby": "shortcuts-title",
    onclose: () => dialog.remove(),
    onclick: (/** @type {MouseEvent} */ event) => {
      if (event.target === dialog) dialog.close();
    } },
  h("form", { method: "dialog" },
    h("h2", { id: "shortcuts-title" }, "Keyboard shortcuts"),
    h("dl", {}, ...rows().flatMap(([keys, what]) =>
      [h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, what)])),
    h("button", {}, "Close")));
  document.body.append(dialog);
  dialog.showModal();
}

/** @returns {[string[], string][]} Keys, and what they do */
function rows() {
  const single = controls().map((element) => /** @type {[string[], string]} */ ([
    keysOf(element), nameOf(element)]));
  const lines = [...document.querySelectorAll("[data-keys]")].flatMap((element) =>
    (element.getAttribute("data-keys") ?? "").split("; "));
  const more = [...new Set(lines)].map((line) => {
    const [keys, what] = line.split(": ");
    return /** @type {[string[], string]} */ ([keys.split(" "), what]);
  });
  return [...single, ...more];
}

/** @param {HTMLElement} element */
function nameOf(element) {
  const label = /** @type {{ labels?: NodeListOf<HTMLElement> }} */ (element).labels?.[0];
  return element.getAttribute("aria-label") ?? label?.innerText ?? element.innerText;
}
