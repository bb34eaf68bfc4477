/**
 * A button that opens something small beside it: in the top layer, closed by Escape, by a click
 * elsewhere, or by the button. It is built when it opens and gone when it closes.
 */

import { h } from "../dom.js";

/**
 * @param {HTMLButtonElement} button
 * @param {string} label What the popup is, for those who do not see it
 * @param {() => (Node | null)[]} build
 */
export function popup(button, label, build) {
  /** @type {HTMLElement | null} */
  let open = null;
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  // A press outside has closed it already when the click arrives at the button.
  let wasOpen = false;
  button.addEventListener("pointerdown", () => { wasOpen = open !== null; });
  button.addEventListener("click", () => {
    if (wasOpen || open) {
      wasOpen = false;
      open?.hidePopover();
      return;
    }
    const element = h("div", { class: "popup", popover: "auto", role: "dialog",
      "aria-label": label }, ...build());
    element.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState !== "closed") return;
      button.setAttribute("aria-expanded", "false");
      if (element.contains(document.activeElement)) button.focus();
      element.remove();
      open = null;
    });
    button.after(element);
    element.showPopover();
    place(element, button);
    button.setAttribute("aria-expanded", "true");
    open = element;
    /** @type {HTMLElement | null} */ (element.querySelector("a, button, select, input"))?.focus();
  });
}

/**
 * Below the button and within the window; above it where there is more room.
 * @param {HTMLElement} element
 * @param {HTMLElement} button
 */
function place(element, button) {
  const { left, right, top, bottom } = button.getBoundingClientRect();
  const { innerHeight } = window;
  const { clientWidth } = document.documentElement;
  const width = element.offsetWidth;
  const isLeft = left + width <= clientWidth - EDGE;
  element.style.left = `${Math.max(EDGE, isLeft ? left : right - width)}px`;
  const isBelow = bottom + element.offsetHeight + EDGE <= innerHeight || innerHeight - bottom > top;
  element.style.top = isBelow ? `${bottom + GAP}px` : "auto";
  element.style.bottom = isBelow ? "auto" : `${innerHeight - top + GAP}px`;
  element.style.maxHeight = `${(isBelow ? innerHeight - bottom : top) - GAP - EDGE}px`;
}

/** Pixels to the edge of the window, and to the button. */
const EDGE = 8;
const GAP = 4;
