/**
 * Smoothing: an exponential moving average over steps, not over records, so that sparse records are
 * not smeared into each other. Pure.
 *
 * The average at a record is Σ w·y / Σ w over it and all before it, with w = 2^(−distance in steps /
 * half-life). The first records are thereby averages of what there is (no bias towards 0). NaN and
 * infinities are left out of it, and the line has a gap where they are. A bucket counts by its
 * middle, with one weight: which records it holds is not known.
 */

/** @import { Column, Rows } from "./types" */
/** @import { Points } from "./traces.js" */

import { NAN, NULL } from "./series.js";

/** Half-lives to choose from, in steps. */
export const HALF_LIVES = [3, 10, 30, 100, 300, 1000, 3000];

/**
 * @param {Rows} rows
 * @param {Column | undefined} column
 * @param {number} halfLife Steps after which a record counts half, above 0
 * @returns {Points}
 */
export function smoothed(rows, column, halfLife) {
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  let [sum, weight, before] = [0, 0, 0];
  for (let row = 0; column && row < rows.step.length; row++) {
    if (column.flag[row] === NULL) continue;
    const step = (rows.step[row] + rows.last[row]) / 2;
    const value = column.lo[row] / 2 + column.hi[row] / 2;
    if (Number.isFinite(value)) {
      const kept = weight === 0 ? 0 : 2 ** (-(step - before) / halfLife);
      sum = kept * sum + value;
      weight = kept * weight + 1;
      before = step;
    }
    const isWhole = Number.isFinite(value) && column.flag[row] !== NAN;
    x.push(step);
    y.push(isWhole ? sum / weight : NaN);
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}
