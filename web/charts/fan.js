/** The fan: percentiles of a layer's preactivation over training, one plot area for each arm. */

/** @import { Cell, Chart, Network, View } from "../types" */

import { number } from "../format.js";
import { band, extent, line, rug, union } from "../traces.js";
import { absence, addDots, armDash, noteFor, rowAt, select, valueAt } from "./lines.js";

/** Outermost first, so that the narrower ones lie on top. */
const BANDS = [["p01", "p99"], ["p05", "p95"], ["p15", "p85"]];
const STATISTICS = ["p01", "p05", "p15", "p50", "p85", "p95", "p99"];

/**
 * @param {Network} network
 * @param {Pick<View, "layer">} view
 */
const source = (network, { layer }) => select("layer_records", network, layer, false);

/** @type {Chart} */
export const fan = {
  id: "fan",
  title: "Preactivation",
  hint: "What enters the nonlinearity, over training: median line, and bands that hold 70, 90 " +
    "and 98 % of the values. A stable fan is a stable input; look for drift, collapse and growth.",
  axis: "preactivation",
  percent: false,
  log: null,
  shared: false,
  lines: false,
  cells: ({ networks }) => networks.length,
  needs: (view) => view.networks.flatMap((network) => {
    const selection = source(network, view);
    return selection ? [{ ...selection, statistics: STATISTICS }] : [];
  }),
  draw: (view) => view.networks.map((network, arm) => {
    /** @type {Cell} */
    const cell = { marks: [], note: null };
    const selection = source(network, view);
    const rows = selection && view.rows(selection);
    if (rows) {
      const { columns } = rows;
      BANDS.forEach(([lower, upper], level) => {
        const outline = band(rows, columns[lower], columns[upper]);
        if (outline.x.length) cell.marks.push({ kind: "band", arm, level, ...outline });
      });
      const median = line(rows, columns.p50);
      if (median.x.length) {
        cell.marks.push({ kind: "line", arm, dash: armDash(arm), points: false, dense: false,
          ...median });
        addDots(cell, view, arm, rows, columns.p50);
      }
      const odd = rug(rows, STATISTICS.map((name) => columns[name]));
      if (odd) cell.marks.push({ kind: "rug", arm, row: 0, ...odd });
    }
    cell.note = noteFor(cell, view, { reason: absence(network, view), rows: [rows || undefined] });
    return cell;
  }),
  extent: (view) => union(view.networks.map((network) => {
    const selection = source(network, view);
    const rows = selection && view.rows(selection);
    return rows ? extent(STATISTICS.map((name) => rows.columns[name])) : null;
  })),
  read: (view, step) => view.networks.map((network, arm) => {
    const selection = source(network, view);
    const rows = selection ? view.rows(selection) : undefined;
    const { p15, p50, p85 } = rows?.columns ?? {};
    const row = rowAt(rows, p50, step);
    const middle = row < 0 || !p15 || !p85 || Number.isNaN(p15.lo[row]) ? ""
      : ` [${number(p15.lo[row], 2)}, ${number(p85.hi[row], 2)}]`;
    const value = valueAt(rows, p50, step, number) + middle;
    return [{ arm, dash: armDash(arm), name: network.arm, value }];
  }),
};
