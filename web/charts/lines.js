/** Charts of one or a few curves for each arm: the pattern that most charts follow. */

/** @import { Cell, Chart, Column, Dash, Network, Rows, Selection, View } from "../types" */

import { COLORS } from "../dom.js";
import { number, span } from "../format.js";
import { isBatchNorm } from "../layers.js";
import { NAN, nearest, NULL } from "../series.js";
import { smoothed } from "../smoothing.js";
import { dots, extent, FEW, line, rug, union } from "../traces.js";

/**
 * @typedef {object} Curve
 * @property {string} statistic
 * @property {Dash} [dash]
 * @property {string} [label] What sets it apart from the arm's other curve
 */

/**
 * @typedef {object} LineChart
 * @property {string} id
 * @property {string} title
 * @property {string} hint
 * @property {string} axis
 * @property {Selection["table"]} table
 * @property {Curve[]} curves
 * @property {(value: number, digits?: number) => string} [format]
 * @property {boolean} [percent]
 * @property {boolean | null} [log]
 * @property {boolean} [shared]
 * @property {boolean} [points] Whether each record is marked by a point while they are few
 * @property {string} [missing] What it means that there are records, and never a value
 * @property {number} [least] How many records it takes to say so
 * @property {string} [floor] The statistic below which values say nothing, the same for all arms
 * @property {boolean} [batchNorm] Whether it applies only to networks or layers with BatchNorm
 */

/**
 * @param {LineChart} spec
 * @returns {Chart}
 */
export function lineChart(spec) {
  const { table, curves, format = number, batchNorm = false, floor = null } = spec;
  /** @param {Pick<View, "networks" | "layer">} view */
  const sources = (view) => view.networks.flatMap((network, arm) => {
    const selection = select(table, network, view.layer, batchNorm);
    return selection ? [{ arm, network, selection }] : [];
  });
  return {
    id: spec.id,
    title: spec.title,
    hint: spec.hint,
    axis: spec.axis,
    percent: spec.percent ?? false,
    log: spec.log === undefined ? false : spec.log,
    shared: spec.shared ?? false,
    lines: true,
    cells: () => 1,
    needs: (view) => sources(view).map(({ selection }) =>
      ({ ...selection, statistics: [...curves.map(({ statistic }) => statistic),
        ...(floor ? [floor] : [])] })),
    draw(view) {
      /** @type {Cell} */
      const cell = { marks: [], note: null };
      for (const { arm, selection } of sources(view)) {
        const rows = view.rows(selection);
        if (!rows) continue;
        for (const { statistic, dash = armDash(arm) } of curves) {
          const column = rows.columns[statistic];
          const drawn = line(rows, column, view.log);
          const points = spec.points === true && drawn.x.length <= FEW;
          if (drawn.x.length) {
            const dense = isDense(rows, column);
            const faint = view.smooth > 0;
            cell.marks.push({ kind: "line", arm, dash: dense ? "solid" : dash, points, dense, faint,
              ...drawn });
            if (faint) {
              cell.marks.push({ kind: "line", arm, dash, points: false, dense: false,
                ...smoothed(rows, column, view.smooth) });
            } else if (!points) addDots(cell, view, arm, rows, column);
          }
        }
        const odd = rug(rows, curves.map(({ statistic }) => rows.columns[statistic]), view.log);
        if (odd) cell.marks.push({ kind: "rug", arm, row: rugs(cell), ...odd });
      }
      if (floor && !view.difference && cell.marks.length > 0) addFloor(cell, sources(view).map(({ selection }) =>
        view.rows(selection)), floor);
      const without = sources(view).length === 0 ? "does not apply: no arm has BatchNorm here" : null;
      const alone = view.difference && sources(view).every(({ arm }) => arm > 0)
        ? `${view.networks[0].arm}, the reference, has none of it` : null;
      cell.note = noteFor(cell, view, {
        reason: without ?? alone,
        rows: sources(view).map(({ selection }) => view.rows(selection)),
        missing: spec.missing,
        least: spec.least,
      });
      return [cell];
    },
    extent: (view) => union(sources(view).map(({ selection }) => {
      const rows = view.rows(selection);
      return rows
        ? extent([...curves.map(({ statistic }) => statistic), ...(floor ? [floor] : [])]
          .map((name) => rows.columns[name]), view.log) : null;
    })),
    read: (view, step) => [sources(view).flatMap(({ arm, network, selection }) =>
      view.difference && arm === 0 ? [] : curves.map(({ statistic, dash = armDash(arm), label }) => {
        const who = view.difference ? `${network.arm} − ${view.networks[0].arm}` : network.arm;
        const name = label ? `${who}, ${label}` : who;
        const rows = view.rows(selection);
        /** @type {typeof format} */
        const brief = (value, digits = view.networks.length > 2 ? 2 : 3) => format(value, digits);
        return { arm, dash, name, value: valueAt(rows, rows?.columns[statistic], step, brief) };
      }))],
  };
}

/**
 * An arm's dash, the same in every chart: never colour alone, and no two of 24 arms alike.
 * @param {number} arm
 * @returns {Dash}
 */
export function armDash(arm) {
  const round = Math.floor(arm / COLORS);
  return round < 3 ? DASHES[(arm + round) % 3] : "dashdot";
}

/** @type {Dash[]} */
const DASHES = ["solid", "dash", "dot"];

/**
 * Whether most buckets reach from a minimum to another maximum, so that the curve fills an area.
 * @param {Rows} rows
 * @param {Column} column
 */
export function isDense(rows, column) {
  let wide = 0;
  for (let row = 0; row < rows.step.length; row++) if (column.lo[row] < column.hi[row]) wide += 1;
  return wide > rows.step.length / 2;
}

/**
 * The series of a network that a chart draws from; null where it does not apply.
 * @param {Selection["table"]} table
 * @param {Network} network
 * @param {string | null} layerName
 * @param {boolean} batchNorm
 * @returns {Omit<Selection, "statistics"> | null}
 */
export function select(table, network, layerName, batchNorm) {
  const has = network.layers.some(({ name, norm }) =>
    isBatchNorm(norm) && (layerName === null || name === layerName));
  if (batchNorm && !has) return null;
  if (layerName === null) return { table, network_id: network.id };
  const layer = network.layers.find(({ name }) => name === layerName);
  return layer ? { table, network_id: network.id, layer_id: layer.id } : null;
}

/**
 * How many rugs a plot area has already.
 * @param {Cell} cell
 */
export const rugs = ({ marks }) => marks.filter(({ kind }) => kind === "rug").length;

/**
 * Mark the records that stand apart: between them nothing was looked at.
 * @param {Cell} cell
 * @param {View} view
 * @param {number} arm
 * @param {Rows} rows
 * @param {Column | undefined} column
 */
export function addDots(cell, view, arm, rows, column) {
  const found = dots(rows, column, view.range, view.log);
  if (found.x.length) cell.marks.push({ kind: "dots", arm, ...found });
}

/**
 * Shade what chance gives, over all steps that have it, below everything else.
 * @param {Cell} cell
 * @param {(Rows | undefined)[]} all
 * @param {string} floor
 */
function addFloor(cell, all, floor) {
  const drawn = all.map((rows) => rows && line(rows, rows.columns[floor]))
    .find((found) => found && found.x.length > 0);
  if (drawn) cell.marks.unshift({ kind: "floor", arm: 0, ...drawn });
}

/**
 * Why nothing is drawn; null when something is.
 * @param {Cell} cell
 * @param {View} view
 * @param {object} known
 * @param {string | null} known.reason Why there can be nothing
 * @param {(Rows | undefined)[]} known.rows What was recorded of other statistics, too
 * @param {string} [known.missing]
 * @param {number} [known.least] Records that it takes to say `missing`: a first one has no distance
 *   to one before it, which says nothing
 */
export function noteFor(cell, view,
  { reason, rows, least = 2,
    missing = view.layer === null ? "nothing was recorded" : "does not apply to this layer" }) {
  if (cell.marks.length > 0 || view.loading) return null;
  if (reason) return reason;
  if (rows.some((found) => found && found.step.length >= least)) return missing;
  return view.growing ? "waiting for the first records" : "nothing was recorded";
}

/**
 * Why a network has nothing of a layer; null when it has it.
 * @param {Network} network
 * @param {Pick<View, "layer" | "skipped">} view
 */
export function absence(network, { layer, skipped }) {
  if (layer === null || network.layers.some(({ name }) => name === layer)) return null;
  const known = skipped.find(({ arm, name }) => arm === network.arm && name === layer);
  return known ? `not looked at: ${known.reason}` : `${network.arm} has no layer of this name`;
}

/**
 * The row of a column that is shown for a step: the nearest, or the last before it to which the
 * statistic applies; -1 when there is none.
 * @param {Rows | undefined} rows
 * @param {Column | undefined} column
 * @param {number} step
 */
export function rowAt(rows, column, step) {
  let row = rows && column ? nearest(rows, step) : -1;
  while (row >= 0 && column?.flag[row] === NULL) row -= 1;
  return row;
}

/**
 * A statistic near a step, as the readout says it.
 * @param {Rows | undefined} rows
 * @param {Column | undefined} column
 * @param {number} step
 * @param {(value: number, digits?: number) => string} format
 */
export function valueAt(rows, column, step, format) {
  const row = rowAt(rows, column, step);
  if (!column || row < 0) return "–";
  if (Number.isNaN(column.lo[row])) return "NaN";
  const text = span(column.lo[row], column.hi[row], format);
  return column.flag[row] === NAN ? `${text}, NaN` : text;
}
