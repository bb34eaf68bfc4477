/** From a long quantity's buckets to what its chart draws. Pure. */

/** @import { Mark, Measured, MeasuredBuckets, Range, Rows } from "./types" */

import { COLORS } from "./dom.js";
import { number, span, whole } from "./format.js";
import { alone, extentOf } from "./quantity.js";
import { isDrawable, TOO_LARGE } from "./scale.js";
import { NAN, NUMBER } from "./series.js";
import { extent, line, union } from "./traces.js";

/**
 * @typedef {object} BucketLine One series.
 * @property {string} name
 * @property {boolean} several Whether some x has several values
 * @property {Float64Array} begin Where each bucket begins, the same for all series
 * @property {Rows} rows Their columns: `value`, from lowest to highest, and `mean`
 * @property {Uint32Array} nan How many values are NaN
 * @property {Uint32Array} infinite
 */

/**
 * The buckets that an axis has a place for.
 * @param {MeasuredBuckets} buckets
 * @param {number} width
 * @returns {BucketLine}
 */
export function bucketLine(buckets, width) {
  const kept = [...buckets.x.keys()].filter((at) =>
    isDrawable(Number(buckets.x[at])) && isDrawable(Number(buckets.last_x[at])));
  /** @param {(number | string)[]} all */
  const column = (all) => Float64Array.from(kept, (at) => Number(all[at]));
  const [nan, infinite] = [buckets.nan, buckets.infinite].map((all) =>
    Uint32Array.from(kept, (at) => all[at]));
  const flag = Uint8Array.from(nan, (count, at) => count + infinite[at] > 0 ? NAN : NUMBER);
  const mean = column(buckets.mean);
  const step = column(buckets.x);
  return {
    name: buckets.series,
    several: buckets.several,
    begin: step.map((x) => width < Infinity ? Math.floor(x / width) * width : x),
    rows: { width, step, last: column(buckets.last_x), columns: {
      value: { lo: column(buckets.low), hi: column(buckets.high), flag },
      mean: { lo: mean, hi: mean, flag } } },
    nan, infinite,
  };
}

/**
 * The lowest and the highest value of each bucket are joined; where one x has several values, so are
 * their means, and the other line is faint. What is not finite is marked at the axis, where it was.
 * @param {BucketLine} line
 * @param {number} arm
 * @param {boolean} log
 * @returns {Mark[]}
 */
export function bucketMarks({ rows, several, nan, infinite }, arm, log) {
  const joined = line(rows, rows.columns.value, log);
  /** @type {Mark[]} */
  const found = [
    { kind: "line", arm, dash: "solid", points: false, dense: true, faint: several, ...joined },
    { kind: "dots", arm, faint: several, ...alone(joined) }];
  if (several) {
    found.push({ kind: "line", arm, dash: "solid", points: false, dense: false,
      x: rows.step.map((x, at) => (x + rows.last[at]) / 2),
      y: rows.columns.mean.lo.map((one) => isDrawable(one, log) ? one : NaN) });
  }
  const odd = rows.step.filter((_, at) => nan[at] + infinite[at] > 0);
  if (odd.length) found.push({ kind: "rug", arm, row: 1 + arm % COLORS, x: odd, text: "" });
  return found;
}

/**
 * What all of them reach across and up; null where nothing can be drawn.
 * @param {BucketLine[]} lines
 * @param {boolean} log
 * @returns {{ x: Range | null, y: Range | null }}
 */
export const bucketExtent = (lines, log) => ({
  x: extentOf(lines.flatMap(({ rows }) => [rows.step, rows.last])),
  y: union(lines.map(({ rows }) => extent([rows.columns.value], log))),
});

/**
 * A bucket in words: "0.12–0.34, 2 NaN".
 * @param {BucketLine} line
 * @param {number} at
 */
export function bucketWords({ rows: { columns: { value } }, nan, infinite }, at) {
  return [
    Number.isNaN(value.lo[at]) ? "" : span(value.lo[at], value.hi[at], number),
    nan[at] ? `${whole(nan[at])} NaN` : "",
    infinite[at] ? `${whole(infinite[at])} infinite` : "",
  ].filter(Boolean).join(", ");
}

/**
 * How many numbers there are, in what stretches, and what of them is not drawn.
 * @param {Measured} measured
 * @param {BucketLine[]} lines
 * @param {string} across
 * @param {boolean} log
 */
export function bucketsWords({ count, beside, width }, lines, across, log) {
  const values = lines.map(({ rows }) => rows.columns.value);
  /** @param {(line: BucketLine) => Uint32Array} which */
  const sum = (which) => lines.reduce((all, one) => which(one).reduce((a, b) => a + b, all), 0);
  /** @param {(value: number) => boolean} is */
  const some = (is) => values.some(({ lo, hi }) => lo.some(is) || hi.some(is));
  const odd = [
    sum(({ nan }) => nan) > 0 && `${whole(sum(({ nan }) => nan))} NaN`,
    sum(({ infinite }) => infinite) > 0 && `${whole(sum(({ infinite }) => infinite))} infinite`,
    some((one) => Math.abs(one) > 0 && !Number.isNaN(one) && !isDrawable(one)) && `what is ${TOO_LARGE}`,
    log && some((one) => one <= 0) && "what is 0 or less",
    beside > 0 && `${whole(beside)} beside the axis`,
  ].filter(Boolean);
  const stretch = Number.isInteger(Number(width)) ? whole(Number(width)) : number(Number(width));
  return `${whole(count)} numbers, drawn from the lowest to the highest of each stretch of ` +
    `${stretch} in ${across}${odd.length ? `; not drawn: ${odd.join(", ")}` : ""}`;
}
