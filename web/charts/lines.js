/** Charts of one or a few curves for each arm: the pattern that most charts follow. */

/** @import { Cell, Chart, Column, Dash, Network, Rows, Selection, View } from "../types" */

import { number, span } from "../format.js";
import { NAN, nearest, NULL } from "../series.js";
import { extent, line, rug, union } from "../traces.js";

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
 * @property {(value: number) => string} [format]
 * @property {boolean} [percent]
 * @property {boolean | null} [log]
 * @property {boolean} [shared]
 * @property {boolean} [points] Whether each record is marked by a point while they are few
 * @property {boolean} [batchNorm] Whether it applies only to networks or layers with BatchNorm
 */

const FEW = 60;

/**
 * @param {LineChart} spec
 * @returns {Chart}
 */
export function lineChart(spec) {
  const { table, curves, format = number, batchNorm = false } = spec;
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
    cells: () => 1,
    needs: (view) => sources(view).map(({ selection }) =>
      ({ ...selection, statistics: curves.map(({ statistic }) => statistic) })),
    draw(view) {
      /** @type {Cell} */
      const cell = { marks: [], note: null };
      for (const { arm, selection } of sources(view)) {
        const rows = view.rows(selection);
        if (!rows) continue;
        for (const { statistic, dash = "solid" } of curves) {
          const column = rows.columns[statistic];
          const drawn = line(rows, column, view.log);
          const points = (spec.points ?? rows.width === 1) && drawn.x.length <= FEW;
          if (drawn.x.length) cell.marks.push({ kind: "line", arm, dash, points, ...drawn });
        }
        const odd = rug(rows, curves.map(({ statistic }) => rows.columns[statistic]), view.log);
        if (odd) cell.marks.push({ kind: "rug", arm, ...odd });
      }
      cell.note = noteFor(cell, view, sources(view).length > 0);
      return [cell];
    },
    extent: (view) => union(sources(view).map(({ selection }) => {
      const rows = view.rows(selection);
      return rows
        ? extent(curves.map(({ statistic }) => rows.columns[statistic]), view.log) : null;
    })),
    read: (view, step) => [sources(view).flatMap(({ arm, network, selection }) =>
      curves.map(({ statistic, dash = "solid", label }) => {
        const name = label ? `${network.arm}, ${label}` : network.arm;
        const rows = view.rows(selection);
        return { arm, dash, name, value: valueAt(rows, rows?.columns[statistic], step, format) };
      }))],
  };
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
    norm === "batch" && (layerName === null || name === layerName));
  if (batchNorm && !has) return null;
  if (layerName === null) return { table, network_id: network.id };
  const layer = network.layers.find(({ name }) => name === layerName);
  return layer ? { table, network_id: network.id, layer_id: layer.id } : null;
}

/**
 * Why nothing is drawn; null when something is.
 * @param {Cell} cell
 * @param {View} view
 * @param {boolean} applies
 */
export function noteFor(cell, view, applies) {
  if (cell.marks.length > 0) return null;
  if (!applies) return "does not apply: no arm has BatchNorm here";
  return view.growing ? "waiting for the first records" : "nothing was recorded";
}

/**
 * A statistic near a step, as the readout says it.
 * @param {Rows | undefined} rows
 * @param {Column | undefined} column
 * @param {number} step
 * @param {(value: number) => string} format
 */
export function valueAt(rows, column, step, format) {
  let row = rows ? nearest(rows, step) : -1;
  while (row > 0 && column?.flag[row] === NULL) row -= 1;
  if (!column || row < 0 || column.flag[row] === NULL) return "–";
  if (Number.isNaN(column.lo[row])) return "NaN";
  const text = span(column.lo[row], column.hi[row], format);
  return column.flag[row] === NAN ? `${text}, NaN` : text;
}
