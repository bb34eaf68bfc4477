/** The chart of one quantity that a study measures: a line for each series, a dot for each seed. */

/** @import { Mark, Measurement, Quantity, Run } from "../types" */
/** @import { Line } from "../quantity.js" */
/** @import { Content, Source } from "./point_chart.js" */

import { measurementsUrl } from "../asking/files.js";
import { armDash } from "../charts/lines.js";
import { COLORS } from "../dom.js";
import { number, whole } from "../format.js";
import { format, ofRun } from "../location.js";
import { alone, extentOf, linesOf, oddWords } from "../quantity.js";
import { linearAxis, logAxis } from "../scale.js";
import { ownFormula } from "./chart_menu.js";
import { PointChart } from "./point_chart.js";

/** Longer lines have no marks but where a point stands alone, and are thin. */
const MARKED = 200;

/**
 * Where a quantity comes from that a run measured.
 * @param {Run} run
 * @param {Quantity} quantity
 * @returns {Source}
 */
export const sourceOf = (run, { name, unit }) => ({ ...ofRunChart(run),
  formula: ownFormula(name, unit, (run.source === "import"
    ? "As it was logged; nothing is computed of it. "
    : "One number for each series, seed and place across, as the study measured it. ") +
    "Of several seeds, or of several values at one place, each is a dot, and the line joins " +
    "their means."),
  csv: [{ href: measurementsUrl(run.id, name), about: "measurements, all of this chart" }],
  address: window.location.origin + format({ ...ofRun(run.id), chart: name }) });

/** @param {Pick<Run, "id" | "name">} run */
export const ofRunChart = ({ id, name }) => ({ of: `Run ${id}, ${name}`, file: ["run", id] });

export class QuantityChart {
  /** @type {Measurement[]} */
  #measurements = [];
  #growing = true;
  #chart;

  /**
   * @param {Quantity} quantity
   * @param {() => Source} source
   */
  constructor(quantity, source) {
    this.quantity = quantity;
    this.#chart = new PointChart({ id: quantity.name, title: quantity.title,
      unit: quantity.unit || "value", across: quantity.x, shows: quantity.shows, source },
    () => contentOf(quantity, this.#measurements, this.#growing));
    this.element = this.#chart.element;
  }

  /** Bring it into sight. @param {HTMLElement} page What changes its height */
  anchor(page) {
    this.#chart.anchor(page);
  }

  /**
   * @param {Measurement[]} measurements Of this quantity, all that there are
   * @param {boolean} growing Whether more may come
   */
  show(measurements, growing) {
    this.#measurements = measurements;
    this.#growing = growing;
    this.#chart.show();
  }

  close() {
    this.#chart.close();
  }
}

/**
 * @param {Quantity} quantity
 * @param {Measurement[]} measurements Of this quantity, all that there are
 * @param {boolean} growing Whether more may come
 * @returns {Content}
 */
export function contentOf(quantity, measurements, growing) {
  const log = { x: quantity.log_x, y: quantity.log_y };
  const lines = linesOf(measurements, log);
  const shown = lines.filter(({ dots }) => dots.y.length > 0);
  const isMean = lines.some(({ seeds }) => seeds > 1);
  const repeats = lines.some((line) => line.repeats);
  return {
    lines: lines.map((line, arm) => ({ name: line.name, x: line.x,
      said: (at) => number(line.said[at]), marks: marks(line, arm) })),
    log,
    axes: ({ across, up }) => ({
      x: (log.x ? logAxis : linearAxis)(extentOf(shown.map(({ dots }) => dots.x)), across),
      y: (log.y ? logAxis : linearAxis)(extentOf(shown.map(({ dots }) => dots.y)), up),
    }),
    where: (x) => (x === null ? "last point"
      : `at ${Number.isInteger(x) ? whole(x) : number(x)}`) +
      (repeats ? ", mean of all values there" : isMean ? ", mean of the seeds" : ""),
    empty: measurements.length > 0 ? "nothing of it can be drawn"
      : growing ? "waiting for the first measurements" : "nothing was measured",
    odd: oddWords(measurements, log),
  };
}

/**
 * Of several seeds, or values at one place, each is a dot, and the line joins their means. What is
 * not finite is marked at the axis, where it happened.
 * @param {Line} line
 * @param {number} arm
 * @returns {Mark[]}
 */
function marks({ x, mean, dots, nonfinite, seeds, repeats }, arm) {
  /** @type {Mark[]} */
  const rug = nonfinite.length === 0 ? []
    : [{ kind: "rug", arm, row: 1 + arm % COLORS, x: nonfinite, text: "" }];
  if (dots.y.length === 0) return rug;
  const long = x.length > MARKED;
  const several = seeds > 1 || repeats;
  /** @type {Mark} */
  const line = { kind: "line", arm, dash: long ? "solid" : armDash(arm),
    points: !several && !long, dense: long, x, y: mean };
  if (several) return [{ kind: "dots", arm, faint: true, ...dots }, line, ...rug];
  return long ? [line, { kind: "dots", arm, faint: false, ...alone({ x, y: mean }) }, ...rug]
    : [line, ...rug];
}
