/** Reading a chart with the keys: the arrows go from value to value, and what is said is spoken. */

/** @import { Rows } from "../types" */

import { byKey } from "../scrub.js";

const KEYS = "← →: Value before, value after, in the chart that has the focus; " +
  "Home End: Its first value, its last";

/**
 * @typedef {object} Readable A chart that says the values at a place.
 * @property {() => Pick<Rows, "step">[]} places Where each line has values, ascending
 * @property {() => number | null} at The place whose values are said; null: none in particular
 * @property {(place: number | null) => void} read
 * @property {(event: KeyboardEvent) => void} [otherwise] What other keys do
 */

/**
 * Attributes of the chart.
 * @param {HTMLElement} words Where the values are said; spoken while the chart has the focus
 * @param {Readable} chart
 */
export const valueKeys = (words, { places, at, read, otherwise }) => ({
  "data-keys": KEYS,
  onfocus: () => words.setAttribute("aria-live", "polite"),
  onblur: () => {
    words.removeAttribute("aria-live");
    read(null);
  },
  onkeydown: (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return otherwise?.(event);
    const leaves = event.key === "Escape" && at() !== null;
    const place = leaves ? null : byKey(places(), at(), event.key);
    if (place === undefined) return otherwise?.(event);
    event.preventDefault();
    read(place);
  },
});
