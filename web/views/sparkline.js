/** Small curves of test accuracy beside runs. */

/** @import { Run, Sparkline } from "../types" */

import { armDash } from "../charts/lines.js";
import { COLORS } from "../dom.js";
import { percent } from "../format.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [96, 28];
/** @type {Record<string, string>} */
const DASHES = { dash: "5 2.5", dot: "1.5 2", dashdot: "5 2 1.5 2" };

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

/**
 * The curves of a run's arms, from 0 to 100 % and from the first to the latest step.
 * @param {Run} run
 * @param {Sparkline[]} lines
 */
export function sparkline(run, lines) {
  const steps = Math.max(1, run.step);
  const element = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, width: WIDE, height: HIGH,
    class: "sparkline", role: "img", "aria-label": words(lines) });
  element.append(svg("path", { class: "floor", d: `M0 ${HIGH - 0.5}H${WIDE}` }));
  for (const { arm, points } of lines) {
    const place = Math.max(0, run.arms.indexOf(arm));
    const path = points.map(([step, accuracy]) => `${(WIDE * step / steps).toFixed(1)},` +
      `${(1 + (HIGH - 2) * (1 - accuracy)).toFixed(1)}`).join(" ");
    element.append(svg("polyline", { class: `arm-${place % COLORS}`, points: path,
      "stroke-dasharray": DASHES[armDash(place)] ?? "none" }));
  }
  return element;
}

/** @param {Sparkline[]} lines */
function words(lines) {
  return `Test accuracy from 0 to 100 %: ${lines.map(({ arm, points }) =>
    `${arm} from ${percent(points[0][1])} to ${percent(points[points.length - 1][1])}`).join(", ")}`;
}
