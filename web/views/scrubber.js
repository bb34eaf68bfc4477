/** The time scrubber: the step whose values all charts of a tab say when no pointer is over one. */

/** @import { Deck } from "./deck.js" */

import { h, setText } from "../dom.js";
import { whole } from "../format.js";

/** How many records Page Up and Page Down pass. */
const LEAP = 10;

/**
 * A slider over the steps in sight. Arrow keys go to the neighbouring record; at the latest step
 * it follows the run.
 * @param {Deck} deck
 */
export function scrubber(deck) {
  const slider = h("input", { type: "range", step: 1, "aria-label": "Step that the charts read at",
    oninput: () => deck.scrub(Number(slider.value)),
    onkeydown: (/** @type {KeyboardEvent} */ event) => key(event) });
  const words = h("output", { class: "words" });
  /**
   * @param {string} text
   * @param {string} title
   * @param {string} key
   * @param {() => void} onclick
   */
  const button = (text, title, key, onclick) => h("button", { type: "button", "aria-label": title,
    title, "aria-keyshortcuts": key, onclick }, text);
  const before = button("‹", "Record before", ",", () => deck.scrubBy(-1));
  const after = button("›", "Record after", ".", () => deck.scrubBy(1));
  const latest = button("Latest", "Latest step", "l", () => deck.scrub(Infinity));
  const element = h("div", { class: "scrubber", role: "group", "aria-label": "Time scrubber" },
    h("span", { class: "name" }, "Step"), slider, before, after, words, latest);

  /** @param {KeyboardEvent} event */
  function key(event) {
    const action = {
      ArrowLeft: () => deck.scrubBy(-1),
      ArrowDown: () => deck.scrubBy(-1),
      ArrowRight: () => deck.scrubBy(1),
      ArrowUp: () => deck.scrubBy(1),
      PageDown: () => deck.scrubBy(-LEAP),
      PageUp: () => deck.scrubBy(LEAP),
      Home: () => deck.scrub(deck.range[0]),
      End: () => deck.scrub(deck.range[1]),
    }[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  function refresh() {
    const [first, last] = deck.range;
    const { step } = deck;
    const text = step === null ? `${whole(deck.latest)}, the latest` : whole(step);
    slider.min = String(first);
    slider.max = String(last);
    slider.value = String(step ?? last);
    slider.setAttribute("aria-valuetext", `step ${text}`);
    setText(words, text);
    latest.disabled = after.disabled = step === null;
  }

  deck.onStep(refresh);
  refresh();
  return { element, refresh };
}
