/**
 * An arm minus the reference, at steps that both have. Pure.
 *
 * Of single records it is the difference. Of buckets only their extremes are known, so it is what the
 * difference can be at most: from the arm's lowest minus the reference's highest to the arm's highest
 * minus the reference's lowest. Both differ less where it matters; zoom in for records.
 */

/** @import { Column, Rows } from "./types" */

import { NAN, NULL, NUMBER } from "./series.js";

/**
 * @param {Rows} arm
 * @param {Rows} reference
 * @returns {Rows} Of the statistics that both have
 */
export function difference(arm, reference) {
  const pairs = matched(arm, reference);
  const step = Float64Array.from(pairs, ([a, b]) => Math.max(arm.step[a], reference.step[b]));
  const last = Float64Array.from(pairs, ([a, b]) => Math.min(arm.last[a], reference.last[b]));
  const names = Object.keys(arm.columns).filter((name) => reference.columns[name]);
  const columns = Object.fromEntries(names.map((name) =>
    [name, subtracted(arm.columns[name], reference.columns[name], pairs)]));
  return { width: arm.width, step, last, columns };
}

/**
 * Rows of both that hold steps in common.
 * @param {Rows} arm
 * @param {Rows} reference
 */
function matched(arm, reference) {
  /** @type {[number, number][]} */
  const pairs = [];
  let [a, b] = [0, 0];
  while (a < arm.step.length && b < reference.step.length) {
    const overlap = arm.step[a] <= reference.last[b] && reference.step[b] <= arm.last[a];
    if (overlap) pairs.push([a, b]);
    const [endOfArm, end] = [arm.last[a], reference.last[b]];
    if (endOfArm <= end) a += 1;
    if (end <= endOfArm) b += 1;
  }
  return pairs;
}

/**
 * @param {Column} arm
 * @param {Column} reference
 * @param {[number, number][]} pairs
 * @returns {Column}
 */
function subtracted(arm, reference, pairs) {
  const lo = Float64Array.from(pairs, ([a, b]) => arm.lo[a] - reference.hi[b]);
  const hi = Float64Array.from(pairs, ([a, b]) => arm.hi[a] - reference.lo[b]);
  const flag = Uint8Array.from(pairs, ([a, b], at) => {
    if (arm.flag[a] === NULL || reference.flag[b] === NULL) return NULL;
    const isNaN = arm.flag[a] === NAN || reference.flag[b] === NAN ||
      Number.isNaN(lo[at]) || Number.isNaN(hi[at]); // ∞ − ∞ is no number
    return isNaN ? NAN : NUMBER;
  });
  return { lo, hi, flag };
}
