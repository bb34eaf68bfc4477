/** Mean curves of lines of networks: which look each has, and what is drawn of it. Pure. */

/** @import { Average, Column, Dash, Line, Mark, Range, Rows } from "../types" */

import { COLORS } from "../dom.js";
import { beside } from "../scrub.js";
import { NAN, nearest, refine, within } from "../series.js";
import { band, extent, line, rug, union } from "../traces.js";
import { armDash } from "./lines.js";

/** More lines than that are drawn faint, until some of them are chosen. */
export const MANY = 20;
/** Dashes by which groups of runs are told apart, where arms have the colours. */
const DASHES = /** @type {Dash[]} */ (["solid", "dash", "dot", "dashdot"]);

/** @typedef {{ arm: number, dash: Dash }} Look Colour and dash of a line */

/**
 * What sets lines apart beside their arm: the run, or the value of the setting.
 * @param {Line} line
 */
const groupOf = ({ run, value, lacks }) => JSON.stringify([run, value, lacks]);

/**
 * The look of each line. An arm has its colour; groups have dashes where these suffice, and none
 * where each has a plot of its own. Otherwise colours and dashes count the lines.
 * @param {Line[]} lines
 * @param {boolean} apart Whether groups are in plots of their own
 * @returns {Look[]}
 */
export function looksOf(lines, apart) {
  const arms = [...new Set(lines.map(({ arm }) => arm))];
  const groups = [...new Set(lines.map(groupOf))];
  if (apart) {
    return lines.map(({ arm }) => ({ arm: arms.indexOf(arm), dash: armDash(arms.indexOf(arm)) }));
  }
  if (groups.length === 1 || arms.length > COLORS || groups.length > DASHES.length) {
    return lines.map((_, at) => ({ arm: at, dash: armDash(at) }));
  }
  return lines.map((one) =>
    ({ arm: arms.indexOf(one.arm), dash: DASHES[groups.indexOf(groupOf(one))] }));
}

/**
 * Which lines share a plot: all, or in a grid those of one run, of one value, or of one arm.
 * @param {Line[]} lines
 * @param {boolean} apart
 * @returns {{ title: string, lines: number[] }[]}
 */
export function plotsOf(lines, apart) {
  if (!apart) return [{ title: "", lines: lines.map((_, at) => at) }];
  const isSplit = new Set(lines.map(groupOf)).size > 1;
  /** @type {Map<string, number[]>} */
  const groups = new Map();
  lines.forEach((one, at) => {
    const key = isSplit ? groupOf(one) : one.arm;
    groups.set(key, [...groups.get(key) ?? [], at]);
  });
  return [...groups.values()].map((those) => {
    const { label, arm } = lines[those[0]];
    const title = isSplit ? label.slice(0, label.length - arm.length).replace(/ · $/, "") : arm;
    return { title: title.trim(), lines: those };
  });
}

/**
 * Which lines are drawn in full: those that were chosen, else all unless they are many.
 * @param {number} count
 * @param {number[]} chosen
 */
export function inFull(count, chosen) {
  const known = chosen.filter((at) => at < count);
  if (known.length > 0) return new Set(known);
  return new Set(count > MANY ? [] : Array.from({ length: count }, (_, at) => at));
}

/**
 * The points of an average as rows: each in the middle of its steps.
 * @param {Average} average
 * @param {Average | null} fine The same at finer steps, of those in sight
 * @param {boolean} logX Whether there is no place for step 0
 * @returns {Rows}
 */
export function rowsOf(average, fine, logX) {
  const { step: first, last, columns } = fine ? refine(ended(average), ended(fine)) : ended(average);
  const kept = [...first.keys()].filter((at) => !logX || last[at] > 0);
  const step = Float64Array.from(kept, (at) => (first[at] + last[at]) / 2);
  return { width: 1, step, last: step, columns: Object.fromEntries(
    Object.entries(columns).map(([name, { lo, hi, flag }]) => [name, {
      lo: Float64Array.from(kept, (at) => lo[at]), hi: Float64Array.from(kept, (at) => hi[at]),
      flag: Uint8Array.from(kept, (at) => flag[at]) }])) };
}

/**
 * The points of an average as rows of their first and last steps.
 * @param {Average} average
 * @returns {Rows}
 */
function ended({ step, last_step: last, mean, low, high, least, most }) {
  /** @type {(low: import("../types").Real[], high: import("../types").Real[]) => Column} */
  const column = (from, to) => {
    const lo = Float64Array.from(from, Number);
    return { lo, hi: Float64Array.from(to, Number),
      flag: Uint8Array.from(lo, (value) => Number.isNaN(value) ? NAN : 0) };
  };
  /** @type {Rows["columns"]} */
  const columns = { mean: column(mean, mean), interval: column(low, high) };
  if (least && most) columns.range = column(least, most);
  return { width: 1, step: Float64Array.from(step), last: Float64Array.from(last), columns };
}

/**
 * The points that a line has in sight, with those beside them to which it goes on.
 * @param {Rows} rows
 * @param {Range} range
 * @returns {Rows}
 */
export function crossing(rows, [first, last]) {
  const inSight = within(rows, [first, last]);
  const before = beside([rows], first, -1);
  const after = beside([rows], last, 1);
  const isThere = inSight.step.length > 0 || (before !== null && after !== null);
  return isThere ? within(rows, [before ?? first, after ?? last]) : inSight;
}

/**
 * What a vertical axis has to hold: means and what any network had, and of intervals at most half
 * as much again; those of two networks would leave nothing else to be seen.
 * @param {Rows[]} all
 * @param {boolean} log
 * @param {boolean} [share] Whether nothing can be below 0 or above 1
 * @returns {Range | null}
 */
export function reach(all, log, share = false) {
  const solid = union(all.map(({ columns: { mean, range } }) => extent([mean, range], log)));
  const wide = union(all.map(({ columns: { interval } }) => extent([interval], log)));
  if (!solid || !wide) return solid;
  const [low, high] = solid;
  if (log) return union([solid, [Math.max(wide[0], low / 3), Math.min(wide[1], high * 3)]]);
  const room = (high - low) / 2;
  const [least, most] = share ? [Math.max(0, low - room), Math.min(1, high + room)]
    : [low - room, high + room];
  return union([solid, [Math.max(wide[0], least), Math.min(wide[1], most)]]);
}

/**
 * The marks of lines, bands below all lines.
 * @param {{ rows: Rows, look: Look, full: boolean }[]} drawn
 * @param {{ log: boolean, bottom: number }} axis `bottom`: the lowest value of the axis
 * @returns {Mark[]}
 */
export function marksOf(drawn, { log, bottom }) {
  /** @type {Mark[]} */
  const bands = [];
  /** @type {Mark[]} */
  const lines = [];
  /** @type {Mark[]} */
  const rugs = [];
  for (const { rows, look: { arm, dash }, full } of drawn) {
    const { mean, interval, range } = rows.columns;
    for (const [level, column] of full ? /** @type {const} */ ([[0, range], [1, interval]]) : []) {
      const outline = band(rows, column && raised(column, log, bottom), column);
      if (outline.x.length) bands.push({ kind: "band", arm, level, ...outline });
    }
    const curve = line(rows, mean, log);
    lines.push({ kind: "line", arm, dash, points: curve.x.length === 1, dense: false, faint: !full,
      ...curve });
    const odd = full ? rug(rows, [mean], log) : null;
    if (odd) rugs.push({ kind: "rug", arm, row: rugs.length, ...odd });
  }
  return [...bands, ...lines, ...rugs];
}

/**
 * A lower edge that a logarithmic axis can show.
 * @param {Column} column
 * @param {boolean} log
 * @param {number} bottom
 * @returns {Column}
 */
const raised = (column, log, bottom) =>
  log ? { ...column, lo: column.lo.map((value) => value < bottom ? bottom : value) } : column;

/**
 * A line's point near a step: its place; -1 when there is none.
 * @param {Rows} rows
 * @param {number | null} step Null: the last
 */
export const placeAt = (rows, step) =>
  step === null ? rows.step.length - 1 : nearest(rows, step);
