/**
 * Records in the browser: decoding frames, keeping rows, merging buckets, finding a step. Pure.
 *
 * Rows are few (a trace of 500 points is 250 buckets), so every change makes new arrays; nothing
 * is ever changed in place.
 */

/** @import { Column, Frame, Range, Rows, Selection, UnitMatrices } from "./types" */

export const NUMBER = 0;
export const NULL = 1;
export const NAN = 2;

/**
 * What identifies a series within a run.
 * @param {Omit<Selection, "statistics">} selection
 */
export function keyOf({ table, network_id, layer_id, seed }) {
  return `${table}/${network_id ?? ""}/${layer_id ?? ""}/${seed ?? ""}`;
}

/**
 * Read a binary frame (docs/protocol.md, "The frame").
 * @param {ArrayBuffer} buffer
 * @returns {Frame}
 */
export function decode(buffer) {
  const { header, begin } = headerOf(buffer);
  let offset = begin;
  const series = [];
  for (const described of header.series) {
    const count = described.rows;
    /** @type {Record<string, Float64Array>} */
    const arrays = {};
    for (const name of described.columns) {
      arrays[name] = new Float64Array(buffer, offset, count);
      offset += 8 * count;
    }
    /** @type {Rows} */
    const rows = {
      width: described.width,
      step: arrays.step ?? new Float64Array(),
      last: arrays.last_step ?? arrays.step ?? new Float64Array(),
      columns: {},
    };
    for (const name of described.columns) {
      if (name === "step" || name === "last_step") continue;
      const [statistic, side] = name.split(".");
      if (side === "max") continue;
      const lo = arrays[name];
      const hi = side === "min" ? arrays[`${statistic}.max`] : lo;
      const flag = flags(lo, described.null?.[statistic], described.nan?.[statistic]);
      rows.columns[statistic] = { lo, hi, flag };
    }
    series.push({ key: keyOf(described), first: described.first, rows });
  }
  return { run: header.run, latest: header.latest, series };
}

/**
 * Read a frame of units (docs/protocol.md, "The frame of units").
 * @param {ArrayBuffer} buffer
 * @returns {UnitMatrices}
 */
export function decodeUnits(buffer) {
  const { header, begin } = headerOf(buffer);
  let offset = begin;
  /** @param {UnitMatrices["networks"][number] & { applies: boolean }} network */
  const taken = ({ applies, ...network }) => {
    if (!applies) return { ...network, values: null };
    const count = network.step.length * network.units;
    const values = new Float32Array(buffer, offset, count);
    offset += 4 * count;
    return { ...network, values };
  };
  return { ...header, networks: header.networks.map(taken) };
}

/**
 * What a frame begins with, and where its numbers do.
 * @param {ArrayBuffer} buffer
 */
function headerOf(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  return { header, begin: 4 + length };
}

/**
 * @param {Float64Array} values
 * @param {number[]} [nulls] Rows in which the statistic does not apply
 * @param {number[]} [nans] Rows in which some value was NaN
 */
function flags(values, nulls = [], nans = []) {
  const flag = new Uint8Array(values.length);
  for (let row = 0; row < values.length; row++) if (Number.isNaN(values[row])) flag[row] = NAN;
  for (const row of nulls) flag[row] = NULL;
  for (const row of nans) flag[row] = NAN;
  return flag;
}

/**
 * Put fresh rows in place of everything from step `first` on.
 *
 * When the fresh buckets are wider (the run has grown), the old ones are merged first.
 * @param {Rows | undefined} old
 * @param {Rows} fresh
 * @param {number} first
 * @returns {Rows}
 */
export function append(old, fresh, first) {
  const kept = old && first > 0 ? before(widen(old, fresh.width), first) : undefined;
  return kept ? concat(kept, fresh) : slice(fresh, 0); // never arrays of the frame's own buffer
}

/**
 * Rows and later rows.
 * @param {Rows} rows
 * @param {Rows} more
 * @returns {Rows}
 */
function concat(rows, more) {
  const step = join(rows.step, more.step);
  const isExact = rows.last === rows.step && more.last === more.step;
  /** @type {Record<string, Column>} */
  const columns = {};
  for (const name of new Set([...Object.keys(rows.columns), ...Object.keys(more.columns)])) {
    const a = rows.columns[name] ?? nothing(rows.step.length);
    const b = more.columns[name] ?? nothing(more.step.length);
    const lo = join(a.lo, b.lo);
    const hi = a.lo === a.hi && b.lo === b.hi ? lo : join(a.hi, b.hi);
    const flag = new Uint8Array(lo.length);
    flag.set(a.flag);
    flag.set(b.flag, a.flag.length);
    columns[name] = { lo, hi, flag };
  }
  return { width: more.width, step, last: isExact ? step : join(rows.last, more.last), columns };
}

/**
 * Merge buckets into wider ones. Buckets begin at multiples of their width, so each wide bucket
 * takes in whole narrow ones.
 * @param {Rows} rows
 * @param {number} width
 * @returns {Rows}
 */
export function widen(rows, width) {
  if (rows.width >= width) return rows;
  const count = rows.step.length;
  const target = new Uint32Array(count); // row -> merged row
  let merged = 0;
  for (let row = 0; row < count; row++) {
    const isNew = row > 0 &&
      Math.floor(rows.step[row] / width) !== Math.floor(rows.step[row - 1] / width);
    if (isNew) merged += 1;
    target[row] = merged;
  }
  const length = count === 0 ? 0 : merged + 1;
  const step = new Float64Array(length);
  const last = new Float64Array(length);
  for (let row = count - 1; row >= 0; row--) step[target[row]] = rows.step[row];
  for (let row = 0; row < count; row++) last[target[row]] = rows.last[row];
  /** @type {Record<string, Column>} */
  const columns = {};
  for (const name of Object.keys(rows.columns)) {
    columns[name] = mergeColumn(rows.columns[name], target, length);
  }
  return { width, step, last, columns };
}

/**
 * @param {Column} column
 * @param {Uint32Array} target
 * @param {number} length
 * @returns {Column}
 */
function mergeColumn(column, target, length) {
  const { lo, hi, flag } = nothing(length);
  for (let row = 0; row < target.length; row++) {
    const at = target[row];
    if (column.flag[row] === NAN) flag[at] = NAN;
    else if (column.flag[row] === NUMBER && flag[at] === NULL) flag[at] = NUMBER;
    if (!(lo[at] <= column.lo[row]) && !Number.isNaN(column.lo[row])) lo[at] = column.lo[row];
    if (!(hi[at] >= column.hi[row]) && !Number.isNaN(column.hi[row])) hi[at] = column.hi[row];
  }
  return { lo, hi, flag };
}

/**
 * A column that applies nowhere.
 * @param {number} length
 * @returns {Column}
 */
function nothing(length) {
  return {
    lo: new Float64Array(length).fill(NaN),
    hi: new Float64Array(length).fill(NaN),
    flag: new Uint8Array(length).fill(NULL),
  };
}

/**
 * The rows that begin before a step.
 * @param {Rows} rows
 * @param {number} step
 * @returns {Rows}
 */
export function before(rows, step) {
  return slice(rows, 0, firstAtOrAfter(rows.step, step));
}

/**
 * Some rows, in arrays of their own.
 * @param {Rows} rows
 * @param {number} begin
 * @param {number} [end]
 * @returns {Rows}
 */
function slice(rows, begin, end = rows.step.length) {
  /** @type {Record<string, Column>} */
  const columns = {};
  for (const [name, { lo, hi, flag }] of Object.entries(rows.columns)) {
    const low = lo.slice(begin, end);
    const high = hi === lo ? low : hi.slice(begin, end);
    columns[name] = { lo: low, hi: high, flag: flag.slice(begin, end) };
  }
  const step = rows.step.slice(begin, end);
  const last = rows.last === rows.step ? step : rows.last.slice(begin, end);
  return { width: rows.width, step, last, columns };
}

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 */
function join(a, b) {
  const both = new Float64Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/**
 * Index of the first element that is not below `step`; the length when all are.
 * @param {Float64Array} sorted
 * @param {number} step
 */
function firstAtOrAfter(sorted, step) {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle] < step) from = middle + 1;
    else to = middle;
  }
  return from;
}

/**
 * The row that is nearest to a step; -1 when there is none.
 * @param {Rows} rows
 * @param {number} step
 */
export function nearest(rows, step) {
  const after = firstAtOrAfter(rows.step, step);
  if (after === 0) return rows.step.length > 0 ? 0 : -1;
  const earlier = after - 1;
  if (after === rows.step.length || step <= rows.last[earlier]) return earlier;
  return step - rows.last[earlier] <= rows.step[after] - step ? earlier : after;
}

/**
 * Fine rows where there are any, coarse ones around them.
 * @param {Rows} coarse
 * @param {Rows} fine
 * @returns {Rows}
 */
export function refine(coarse, fine) {
  if (fine.step.length === 0) return coarse;
  const end = fine.last[fine.last.length - 1];
  const left = before(coarse, fine.step[0]);
  const overlap = left.last.length - firstAtOrAfter(left.last, fine.step[0]); // 0 or 1 bucket
  const start = slice(left, 0, left.step.length - overlap);
  const rest = slice(coarse, firstAtOrAfter(coarse.step, end + 1));
  return concat(concat(start, fine), rest);
}

/**
 * The rows that hold any of these steps.
 * @param {Rows} rows
 * @param {Range} range
 * @returns {Rows}
 */
export function within(rows, [first, last]) {
  const begin = firstAtOrAfter(rows.last, first);
  return slice(rows, begin, Math.max(begin, firstAtOrAfter(rows.step, last + 1)));
}

/**
 * The last step that any of these rows holds; 0 when there is none.
 * @param {Iterable<Rows>} all
 */
export function latestStep(all) {
  let latest = 0;
  for (const { last } of all) latest = Math.max(latest, last.at(-1) ?? 0);
  return latest;
}
