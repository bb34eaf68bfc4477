/**
 * Heat maps: steps across, layers or units down, the value as a colour; a plot area for each arm,
 * all on one colour scale. Pure.
 */

/** @import { Cell, Chart, Column, Mark, Network, Range, Rows, UnitMatrices } from "../types" */
/** @import { Selection, ValueAxis, View } from "../types" */

import { number, span, steps, whole } from "../format.js";
import { roundUp } from "../scale.js";
import { NAN, NULL, NUMBER } from "../series.js";
import { union } from "../traces.js";
import { armDash } from "./lines.js";

/**
 * Values of rows by columns of steps.
 * @typedef {object} Matrix
 * @property {number[]} first First recorded step of each column
 * @property {number[]} last
 * @property {Float64Array} edges Where columns begin and end: one more than there are columns
 * @property {Column[]} rows One value for each column
 */

/**
 * @typedef {object} HeatMap
 * @property {string} id
 * @property {string} title
 * @property {string} hint
 * @property {string} axis What the rows are
 * @property {string} [word] What a row's name is told with: "unit " before a number
 * @property {boolean | null} log Whether colours start as logarithmic
 * @property {(view: View, network: Network) => Matrix | undefined} matrix
 * @property {(view: Pick<View, "networks" | "layer">) => string[]} names Of the rows
 * @property {(view: Pick<View, "networks">) => Selection[]} draws The series behind it
 * @property {() => number | null} row The one that is looked at
 */

/**
 * @param {HeatMap} spec
 * @returns {Chart}
 */
export function heatMap({ matrix, names, row, word = "", ...told }) {
  /** @param {View} view */
  const scaleOf = (view) => union(view.networks.map((network) => {
    const found = matrix(view, network);
    return found ? valuesIn(found, view) : null;
  }));
  return {
    ...told,
    percent: false,
    shared: false,
    lines: false,
    cells: ({ networks }) => networks.length,
    needs: () => [],
    rowAxis: (view, most) => rowAxis(names(view), most),
    draw(view) {
      const scale = scaleOf(view);
      return view.networks.map((network, arm) => {
        const found = matrix(view, network);
        /** @type {Cell} */
        const cell = { marks: [], note: null };
        if (found && scale) cell.marks.push(...drawn(found, arm, view, scale,
          names(view).map((name) => word + name)));
        const isThere = found && found.first.length > 0;
        if (cell.marks.length === 0 && !view.loading && found) {
          cell.note = isThere ? "does not apply here"
            : view.growing ? "waiting for the first records" : "nothing was recorded";
        }
        return cell;
      });
    },
    extent: scaleOf,
    read: (view, step) => view.networks.map((network, arm) => {
      const found = matrix(view, network);
      const at = row();
      const called = names(view).map((name) => word + name);
      const value = !found ? "–" : at === null ? farthestWords(found, view, called)
        : `${called[at] ?? ""} ${valueAt(found, at, step)}`;
      return [{ arm, dash: armDash(arm), name: network.arm, value }];
    }),
  };
}

/**
 * The records of some layers as one matrix; a layer without any is a row of gaps. Those at which the
 * statistic applies to none of them are left out, unless it never applies.
 * @param {(Rows | undefined)[]} all By row, in buckets of one width
 * @param {string} statistic
 * @returns {Matrix}
 */
export function matrixOf(all, statistic) {
  const width = Math.max(1, ...all.map((rows) => rows?.width ?? 1));
  /** @param {number} step */
  const bucket = (step) => Math.floor(step / width);
  const flags = all.map((rows) => rows?.columns[statistic]?.flag);
  const applies = flags.some((flag) => flag?.some((one) => one !== NULL));
  /** @type {Map<number, Range>} */
  const columns = new Map();
  all.forEach((rows, row) => {
    rows?.step.forEach((step, at) => {
      if (applies && flags[row]?.[at] === NULL) return;
      const [first, last] = columns.get(bucket(step)) ?? [step, rows.last[at]];
      columns.set(bucket(step), [Math.min(first, step), Math.max(last, rows.last[at])]);
    });
  });
  const keys = [...columns.keys()].sort((a, b) => a - b);
  const place = new Map(keys.map((key, at) => [key, at]));
  const first = keys.map((key) => columns.get(key)?.[0] ?? 0);
  const last = keys.map((key) => columns.get(key)?.[1] ?? 0);
  const edges = width === 1 ? edgesOf(first, last)
    : edgesOf(keys.map((key) => key * width), keys.map((key) => (key + 1) * width - 1));
  return {
    first, last, edges,
    rows: all.map((rows) => {
      const of = empty(keys.length);
      const column = rows?.columns[statistic];
      rows?.step.forEach((step, from) => {
        const to = place.get(bucket(step));
        if (column && to !== undefined) copy(column, from, of, to);
      });
      return of;
    }),
  };
}

/**
 * All units of a layer in every network, as matrices of at most `most` rows each.
 * @param {UnitMatrices} answer
 * @param {number} most
 */
export function matrixOfUnits({ networks }, most) {
  const units = Math.max(...networks.map((one) => one.units));
  /** @type {Map<number, Matrix>} */
  const matrices = new Map();
  for (const { network_id: id, step, units: count, values } of networks) {
    const rows = Array.from({ length: values ? count : 0 }, (_, unit) => {
      const lo = Float64Array.from(step, (_, at) => values?.[at * count + unit] ?? NaN);
      return { lo, hi: lo, flag: Uint8Array.from(lo, (value) => Number.isNaN(value) ? NAN : NUMBER) };
    });
    matrices.set(id, merged({ first: step, last: step, edges: edgesOf(step, step), rows }, most));
  }
  return { matrices, size: Math.ceil(units / most), units };
}

/**
 * Neighbouring rows as one, so that no more than `most` are left: with its lowest and highest value.
 * @param {Matrix} matrix
 * @param {number} most
 */
function merged(matrix, most) {
  const size = Math.ceil(matrix.rows.length / most);
  if (size <= 1) return matrix;
  const count = Math.ceil(matrix.rows.length / size);
  const rows = Array.from({ length: count }, (_, at) => {
    const of = empty(matrix.first.length);
    for (const column of matrix.rows.slice(at * size, (at + 1) * size)) {
      for (let step = 0; step < matrix.first.length; step++) take(column, of, step);
    }
    return of;
  });
  return { ...matrix, rows };
}

/**
 * @param {number} length
 * @returns {Column}
 */
function empty(length) {
  return { lo: new Float64Array(length).fill(NaN), hi: new Float64Array(length).fill(NaN),
    flag: new Uint8Array(length).fill(NULL) };
}

/**
 * @param {Column} column
 * @param {number} from
 * @param {Column} of
 * @param {number} to
 */
function copy(column, from, of, to) {
  of.lo[to] = column.lo[from];
  of.hi[to] = column.hi[from];
  of.flag[to] = column.flag[from];
}

/**
 * @param {Column} column
 * @param {Column} of
 * @param {number} at
 */
function take(column, of, at) {
  if (column.flag[at] === NAN || of.flag[at] === NULL) of.flag[at] = column.flag[at];
  if (!(of.lo[at] <= column.lo[at]) && !Number.isNaN(column.lo[at])) of.lo[at] = column.lo[at];
  if (!(of.hi[at] >= column.hi[at]) && !Number.isNaN(column.hi[at])) of.hi[at] = column.hi[at];
}

/**
 * What the colour of a cell says: of several values the one that is farthest from 0.
 * @param {Column} column
 * @param {number} at
 */
const farthest = ({ lo, hi }, at) => Math.abs(lo[at]) > Math.abs(hi[at]) ? lo[at] : hi[at];

/**
 * Why a cell has no colour: it is no finite number, or on a logarithmic scale not above 0.
 * @param {Column} column
 * @param {number} at
 * @param {boolean} log
 */
function hidden(column, at, log) {
  if (column.flag[at] === NAN) return "NaN";
  const value = farthest(column, at);
  if (value === Infinity) return "∞";
  if (value === -Infinity) return "−∞";
  return log && value <= 0 ? "0 or less" : null;
}

/**
 * The lowest and highest value that has a colour, of the steps in sight.
 * @param {Matrix} matrix
 * @param {Pick<View, "range" | "log">} view
 * @returns {Range | null}
 */
function valuesIn({ first, last, rows }, { range, log }) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of rows) {
    for (let at = 0; at < first.length; at++) {
      if (last[at] < range[0] || first[at] > range[1]) continue;
      if (column.flag[at] !== NUMBER || hidden(column, at, log)) continue;
      const value = farthest(column, at);
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/**
 * @param {Matrix} matrix
 * @param {number} arm
 * @param {Pick<View, "log">} view
 * @param {Range} scale
 * @param {string[]} names
 * @returns {Mark[]}
 */
function drawn(matrix, arm, { log }, scale, names) {
  const { first, last, edges: x, rows } = matrix;
  const y = Float64Array.from({ length: rows.length + 1 }, (_, at) => at - 0.5);
  /** @type {Map<string, { row: number, column: number }>} */
  const odd = new Map(); // name -> its earliest cell
  const holes = new Set();
  let any = false;
  let anyHole = false;
  const z = rows.map((column) => first.map((_, at) => {
    if (column.flag[at] === NULL || hidden(column, at, log)) return null;
    any = true;
    return log ? Math.log10(farthest(column, at)) : farthest(column, at);
  }));
  const hole = rows.map((column, row) => first.map((_, at) => {
    const why = column.flag[at] === NULL ? null : hidden(column, at, log);
    if (why === null) return null;
    anyHole = true;
    holes.add(first[at]);
    if (first[at] < (first[odd.get(why)?.column ?? -1] ?? Infinity)) odd.set(why, { row, column: at });
    return 1;
  }));
  /** @type {Mark[]} */
  const marks = [];
  /** @param {number} value */
  const place = (value) => log ? Math.log10(value) : value;
  const [low, high] = scale.map(place);
  const room = low === high ? 1 : 0; // a constant has the colour in the middle
  if (any) marks.push({ kind: "heat", arm, x, y, z, scale: [low - room, high + room] });
  if (anyHole) {
    marks.push({ kind: "holes", arm, x, y, z: hole });
    const text = [...odd].map(([why, { row, column }]) =>
      `${why} from ${steps(first[column], last[column])} on (${names[row]})`).join(", ");
    marks.push({ kind: "rug", arm, row: 0, x: Float64Array.from([...holes].sort((a, b) => a - b)),
      text });
  }
  return marks;
}

/**
 * Columns end halfway to the next; the first and the last reach as far to their other side. Where
 * they are all of one width, Plotly draws them many times faster.
 * @param {number[]} first
 * @param {number[]} last
 */
function edgesOf(first, last) {
  const count = first.length;
  const edges = Float64Array.from({ length: count === 0 ? 0 : count + 1 }, (_, at) =>
    at === 0 || at === count ? 0 : (last[at - 1] + first[at]) / 2);
  if (count === 1) edges.set([first[0] - 0.5, last[0] + 0.5]);
  if (count > 1) {
    edges[0] = first[0] + last[0] - edges[1];
    edges[count] = first[count - 1] + last[count - 1] - edges[count - 1];
  }
  return edges;
}

/** Characters of a row's name that there is room for. */
const LONGEST = 7;

/**
 * The first row on top; as many names as there is room for.
 * @param {string[]} names
 * @param {number} most
 * @returns {ValueAxis}
 */
function rowAxis(names, most) {
  const every = Math.max(1, roundUp(Math.ceil(names.length / Math.max(1, most))));
  const values = names.map((_, at) => at).filter((at) => at % every === 0);
  return { range: [Math.max(1, names.length) - 0.5, -0.5], values,
    labels: values.map((at) => names[at].length > LONGEST ? `…${names[at].slice(1 - LONGEST)}`
      : names[at]) };
}

/**
 * The value at a step; behind the last column that column's, as in line charts.
 * @param {Matrix} matrix
 * @param {number} row
 * @param {number} step
 */
function valueAt({ first, edges, rows }, row, step) {
  const at = step > edges[first.length] ? first.length - 1
    : edges.findIndex((edge, place) => edge <= step && step <= edges[place + 1]);
  const column = rows[row];
  if (at < 0 || !column || column.flag[at] === NULL) return "–";
  if (Number.isNaN(column.lo[at])) return "NaN";
  const text = span(column.lo[at], column.hi[at], number);
  return column.flag[at] === NAN ? `${text}, NaN` : text;
}

/**
 * The value in sight that is farthest from 0, and where it is.
 * @param {Matrix} matrix
 * @param {Pick<View, "range">} view
 * @param {string[]} names
 */
function farthestWords({ first, last, rows }, { range }, names) {
  /** @type {{ value: number, row: number, at: number } | null} */
  let found = null;
  rows.forEach((column, row) => first.forEach((_, at) => {
    if (last[at] < range[0] || first[at] > range[1] || column.flag[at] === NULL) return;
    const value = farthest(column, at);
    if (!found || Math.abs(value) > Math.abs(found.value)) found = { value, row, at };
  }));
  const most = /** @type {{ value: number, row: number, at: number } | null} */ (found);
  return most === null ? "–" : `up to ${number(most.value)}: ${names[most.row]}, ` +
    `step ${whole(first[most.at])}`;
}
