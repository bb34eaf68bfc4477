/** What the colours of a heat map mean: from the lowest to the highest value, and what has none. */

/** @import { Chart, Range } from "../types" */

import { h, setText } from "../dom.js";
import { number } from "../format.js";
import { GRADIENT } from "../ramp.js";

/**
 * A heat map that tells its colour scale whenever it is drawn.
 * @param {Chart} chart
 * @param {(scale: Range | null, log: boolean, holes: boolean) => void} onScale
 * @returns {Chart}
 */
export const withScale = (chart, onScale) => ({ ...chart, draw(view) {
  const cells = chart.draw(view);
  const holes = cells.some(({ marks }) => marks.some(({ kind }) => kind === "holes"));
  onScale(chart.extent(view), view.log, holes);
  return cells;
} });

/** @param {string} unit Of the values */
export function scaleLegend(unit) {
  const [low, high] = [h("span", {}), h("span", {})];
  const bar = h("span", { class: "ramp" });
  bar.style.background = GRADIENT;
  const words = h("span", {});
  const hole = h("span", { class: "hole", hidden: true }, words);
  const element = h("div", { class: "scale", role: "group", "aria-label": "Colour scale" }, low, bar,
    high, h("span", { class: "unit" }, unit), hole);
  return {
    element,
    /**
     * @param {Range | null} scale
     * @param {boolean} log
     * @param {boolean} holes Whether some value has no place on the scale
     */
    show(scale, log, holes) {
      setText(low, scale ? number(scale[0]) : "–");
      setText(high, scale ? number(scale[1]) : "–");
      setText(words, log ? "not finite, or not above 0" : "not finite");
      hole.hidden = !holes;
    },
  };
}
