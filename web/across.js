/**
 * The horizontal axis: steps, or what they come to in examples, epochs or seconds, linear or
 * logarithmic. Records are kept by step; only what is drawn is converted. Pure.
 */

/**
 * @import { Across, AcrossUnit, Mark, Network, Range, RunDetail, Rows, StepAxis, ValueAxis }
 *   from "./types"
 */

import { number, whole } from "./format.js";
import { exactAxis, exactLogAxis, stepAxis } from "./scale.js";

/** @type {AcrossUnit[]} */
export const UNITS = ["step", "examples", "epoch", "seconds"];

/**
 * The units in which a run can tell how far it is.
 * @param {Pick<RunDetail, "batch_size" | "training_examples">} run
 */
export function unitsOf({ batch_size: batch, training_examples: all }) {
  return UNITS.filter((unit) => unit === "step" || unit === "seconds" ||
    (batch !== null && (unit === "examples" || all !== null)));
}

/**
 * @param {AcrossUnit} unit One that the run can tell
 * @param {boolean} log
 * @param {Pick<RunDetail, "batch_size" | "training_examples">} run
 * @param {Rows | undefined} records Those of a network, with `seconds`
 * @returns {Across}
 */
export function acrossOf(unit, log, run, records) {
  if (unit === "seconds") return { unit, log, ...bySeconds(records) };
  const perStep = unit === "step" ? 1
    : (run.batch_size ?? 1) / (unit === "epoch" ? run.training_examples ?? 1 : 1);
  return { unit, log, to: (step) => step * perStep, from: (value) => value / perStep };
}

/**
 * The network whose records tell the time: the first that was not frozen, else the one that was
 * frozen last. All networks of a seed take their steps together.
 * @param {Network[]} networks Those of one seed, at least one
 */
export const clockOf = (networks) => networks.reduce((clock, one) =>
  (one.frozen_step ?? Infinity) > (clock.frozen_step ?? Infinity) ? one : clock);

/**
 * Seconds of training, straight between records; training begins at step 0 after 0 s.
 * @param {Rows | undefined} records
 * @returns {Pick<Across, "to" | "from">}
 */
function bySeconds(records) {
  const { step = [], last = [] } = records ?? {};
  const { lo = [], hi = [] } = records?.columns.seconds ?? {};
  const steps = [0];
  const seconds = [0];
  /** @param {number} at @param {number} value */
  const add = (at, value) => {
    if (at > (steps.at(-1) ?? 0) && value >= (seconds.at(-1) ?? 0)) {
      steps.push(at);
      seconds.push(value);
    }
  };
  for (let row = 0; row < lo.length; row++) {
    add(step[row], lo[row]);
    add(last[row], hi[row]);
  }
  if (steps.length === 1) return { to: (value) => value, from: (value) => value };
  return { to: (value) => interpolated(steps, seconds, value),
    from: (value) => interpolated(seconds, steps, value) };
}

/**
 * A value between its neighbours; beyond the last, on at the rate of the whole.
 * @param {number[]} xs Ascending from 0
 * @param {number[]} ys
 * @param {number} x
 */
function interpolated(xs, ys, x) {
  let [from, to] = [0, xs.length - 1];
  if (x >= xs[to]) return ys[to] + (xs[to] > 0 ? ((x - xs[to]) * ys[to]) / xs[to] : 0);
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if (xs[middle] <= x) from = middle;
    else to = middle;
  }
  const width = xs[to] - xs[from];
  return ys[from] + (width > 0 ? ((x - xs[from]) / width) * (ys[to] - ys[from]) : 0);
}

/**
 * Where a step lies on the axis; a logarithmic one begins with step 1.
 * @param {Across} across
 * @param {number} step
 */
const place = ({ log, to }, step) => log ? Math.log10(to(Math.max(1, step))) : to(step);

/**
 * First and last place of the steps in sight, as the axis counts.
 * @param {Across} across
 * @param {Range} range
 * @returns {Range}
 */
function ends(across, [first, last]) {
  const begin = place(across, first);
  const end = place(across, last);
  return [begin, end > begin ? end : begin + 1];
}

/**
 * How far along the axis a step is: 0 at its left end, 1 at its right.
 * @param {Across} across
 * @param {Range} range
 * @param {number} step
 */
export function shareAt(across, range, step) {
  const [begin, end] = ends(across, range);
  return (place(across, step) - begin) / (end - begin);
}

/**
 * The step at a share of the axis.
 * @param {Across} across
 * @param {Range} range
 * @param {number} share
 */
export function stepAt(across, range, share) {
  const [begin, end] = ends(across, range);
  return stepOf(across, begin + share * (end - begin));
}

/**
 * The step at a place as the axis counts: in powers of ten where it is logarithmic.
 * @param {Across} across
 * @param {number} at
 */
export const stepOf = ({ log, from }, at) => from(log ? 10 ** at : at);

/**
 * @param {Across} across
 * @param {Range} range
 * @param {number} width Pixels
 * @returns {StepAxis | ValueAxis}
 */
export function axisOf(across, range, width) {
  if (across.log) return exactLogAxis(ends(across, range), width);
  return across.unit === "step" ? stepAxis(range, width) : exactAxis(ends(across, range), width);
}

/**
 * A mark in the unit of the axis; on a logarithmic one without what lies at 0.
 * @param {Across} across
 * @param {Mark} mark
 * @returns {Mark}
 */
export function converted(across, mark) {
  if (across.unit === "step" && !across.log) return mark;
  if (mark.kind === "heat" || mark.kind === "holes") {
    const least = across.log ? 0.5 : 0; // the column of step 1 begins there
    return { ...mark, x: mark.x.map((edge) => across.to(Math.max(least, edge))) };
  }
  const x = mark.x.map(across.to);
  if (!across.log) return { ...mark, x };
  const kept = [...x.keys()].filter((at) => !(x[at] <= 0)); // NaN separates outlines
  const some = { x: Float64Array.from(kept, (at) => x[at]) };
  return "y" in mark ? { ...mark, ...some, y: Float64Array.from(kept, (at) => mark.y[at]) }
    : { ...mark, ...some };
}

/**
 * What a step comes to, in words; nothing where steps are counted.
 * @param {Across} across
 * @param {number} step
 */
export function words({ unit, to }, step) {
  switch (unit) {
    case "examples": return `${whole(to(step))} examples`;
    case "epoch": return `epoch ${number(to(step))}`;
    case "seconds": return `${number(to(step))} s`;
    default: return "";
  }
}
