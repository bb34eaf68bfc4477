/**
 * From rows to what is drawn: lines, bands, marks of what is not a number, and their extent. Pure.
 *
 * A bucket is drawn as two points of one line, its minimum and its maximum at its first and its
 * last step: a spike of a single step is always among the points.
 */

/** @import { Column, Range, Rows } from "./types" */

import { whole } from "./format.js";
import { isDrawable, LARGEST, TOO_LARGE } from "./scale.js";
import { NAN, NULL } from "./series.js";

/** @typedef {{ x: Float64Array, y: Float64Array }} Points */

/** So many records across a chart are few enough to be told apart. */
export const FEW = 60;

/**
 * A line through the values of a statistic. It is broken where a value is not a finite number,
 * and passes over rows to which the statistic does not apply.
 * @param {Rows} rows
 * @param {Column | undefined} column
 * @param {boolean} [log] Whether only numbers above 0 can be drawn
 * @returns {Points}
 */
export function line(rows, column, log = false) {
  const x = new Float64Array(3 * rows.step.length);
  const y = new Float64Array(3 * rows.step.length);
  let length = 0;
  /**
   * @param {number} step
   * @param {number} value
   */
  const add = (step, value) => {
    x[length] = step;
    y[length++] = value;
  };
  for (let row = 0; column && row < rows.step.length; row++) {
    if (column.flag[row] === NULL) continue;
    const extremes = [column.lo[row], column.hi[row]];
    if (falls(column, row)) extremes.reverse();
    const [begin, end] = extremes.map((value) => isDrawable(value, log));
    const complete = begin && end && column.flag[row] !== NAN;
    if (begin) add(rows.step[row], extremes[0]);
    if (end && (!begin || rows.last[row] > rows.step[row])) add(rows.last[row], extremes[1]);
    if (!complete) add(rows.last[row], NaN);
  }
  return { x: x.slice(0, length), y: y.slice(0, length) };
}

/**
 * The records in sight that stand apart, so far that the line between them is not theirs: those of
 * a sparse cadence, or of few steps in sight.
 * @param {Rows} rows
 * @param {Column | undefined} column
 * @param {Range} range The steps in sight
 * @param {boolean} [log]
 * @returns {Points}
 */
export function dots(rows, column, [first, end], log = false) {
  const distance = Math.max(1, (end - first) / FEW);
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  const { step, last } = rows;
  let gap = Infinity; // to the record before
  for (let row = nextRow(column, -1); column && row < step.length;) {
    const next = nextRow(column, row);
    const gapAfter = next < step.length ? step[next] - last[row] : Infinity;
    const isApart = gap === Infinity ? gapAfter >= distance
      : gap >= distance || (gapAfter >= distance && gapAfter < Infinity);
    const isInSight = step[row] >= first && step[row] <= end;
    if (isApart && isInSight && last[row] === step[row] && isDrawable(column.lo[row], log)) {
      x.push(step[row]);
      y.push(column.lo[row]);
    }
    gap = gapAfter;
    row = next;
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}

/**
 * The next row to which a statistic applies; the number of rows when there is none.
 * @param {Column | undefined} column
 * @param {number} row
 */
function nextRow(column, row) {
  let next = row + 1;
  while (column && next < column.flag.length && column.flag[next] === NULL) next += 1;
  return next;
}

/**
 * Whether a curve falls through a bucket, from its maximum to its minimum: a bucket does not say
 * which came first, the middles of its neighbours do. The bucket stands in for one it lacks.
 * @param {Column} column
 * @param {number} row
 */
function falls(column, row) {
  /** @param {number} at */
  const middle = (at) => {
    const value = column.lo[at] / 2 + column.hi[at] / 2;
    return Number.isFinite(value) ? value : column.lo[row] / 2 + column.hi[row] / 2;
  };
  return middle(row - 1) > middle(row + 1);
}

/**
 * A closed outline between two columns: along the lowest values of the lower, back along the
 * highest of the upper. Rows that lack either break it into several outlines.
 * @param {Rows} rows
 * @param {Column | undefined} lower
 * @param {Column | undefined} upper
 * @returns {Points}
 */
export function band(rows, lower, upper) {
  if (!lower || !upper) return { x: new Float64Array(), y: new Float64Array() };
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  const count = rows.step.length;
  /** @param {number} row */
  const has = (row) => isDrawable(lower.lo[row]) && isDrawable(upper.hi[row]);
  for (let begin = 0; begin < count; begin++) {
    if (!has(begin)) continue;
    let end = begin;
    while (end + 1 < count && has(end + 1)) end += 1;
    if (x.length > 0) {
      x.push(NaN);
      y.push(NaN);
    }
    for (let row = begin; row <= end; row++) {
      x.push(place(rows, row, begin, end));
      y.push(lower.lo[row]);
    }
    for (let row = end; row >= begin; row--) {
      x.push(place(rows, row, begin, end));
      y.push(upper.hi[row]);
    }
    begin = end;
  }
  return { x: Float64Array.from(x), y: Float64Array.from(y) };
}

/**
 * Where an outline passes a bucket: at its middle, at the ends of the stretch at its edge.
 * @param {Rows} rows
 * @param {number} row
 * @param {number} begin
 * @param {number} end
 */
function place(rows, row, begin, end) {
  if (row === begin) return rows.step[row];
  if (row === end) return rows.last[row];
  return (rows.step[row] + rows.last[row]) / 2;
}

/** @typedef {{ x: Float64Array, text: string }} Rug */

/**
 * Where values are that a curve cannot show: NaN, infinities and, on a logarithmic axis, what is
 * not above 0. Null when there are none.
 * @param {Rows} rows
 * @param {(Column | undefined)[]} columns
 * @param {boolean} [log]
 * @returns {Rug | null}
 */
export function rug(rows, columns, log = false) {
  const steps = [];
  /** @type {Map<string, number>} */
  const found = new Map(); // name -> first row
  for (let row = 0; row < rows.step.length; row++) {
    let any = false;
    for (const column of columns) {
      for (const name of column ? hidden(column, row, log) : []) {
        if (!found.has(name)) found.set(name, row);
        any = true;
      }
    }
    if (any) steps.push(rows.step[row]);
  }
  if (steps.length === 0) return null;
  const texts = [...found].map(([name, row]) => `${name} ${since(rows, row)}`);
  return { x: Float64Array.from(steps), text: texts.join(", ") };
}

/**
 * @param {Column} column
 * @param {number} row
 * @param {boolean} log
 */
function hidden(column, row, log) {
  const names = [];
  if (column.flag[row] === NAN) names.push("NaN");
  if (column.hi[row] === Infinity) names.push("∞");
  if ([column.lo[row], column.hi[row]].some((one) => Number.isFinite(one) && Math.abs(one) > LARGEST)) {
    names.push(TOO_LARGE);
  }
  if (column.lo[row] === -Infinity) names.push("−∞");
  else if (log && column.lo[row] <= 0) names.push("0 or less");
  return names;
}

/**
 * @param {Rows} rows
 * @param {number} row
 */
function since(rows, row) {
  const [first, last] = [rows.step[row], rows.last[row]];
  return first === last ? `from step ${whole(first)}` : `from steps ${whole(first)}–${whole(last)}`;
}

/**
 * Lowest and highest number that would be drawn of these columns; null when there is none.
 * @param {(Column | undefined)[]} columns
 * @param {boolean} [log]
 * @returns {Range | null}
 */
export function extent(columns, log = false) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    for (let row = 0; column && row < column.lo.length; row++) {
      for (const value of [column.lo[row], column.hi[row]]) {
        if (!isDrawable(value, log)) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return low <= high ? [low, high] : null;
}

/**
 * The smallest range that holds all of these.
 * @param {(Range | null)[]} ranges
 * @returns {Range | null}
 */
export function union(ranges) {
  const known = ranges.filter((range) => range !== null);
  if (known.length === 0) return null;
  return [Math.min(...known.map(([low]) => low)), Math.max(...known.map(([, high]) => high))];
}
