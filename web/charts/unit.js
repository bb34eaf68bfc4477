/** One unit's input over training: the paper's Figure 1 b and c, one plot area for each arm. */

/** @import { Cell, Chart, Network, View } from "../types" */

import { number } from "../format.js";
import { band, extent, line, rug, union } from "../traces.js";
import { absence, addDots, armDash, noteFor, rowAt, select, valueAt } from "./lines.js";

const STATISTICS = ["p15", "p50", "p85"];

/**
 * @param {Network} network
 * @param {Pick<View, "layer">} view
 */
const source = (network, { layer }) => select("unit_records", network, layer, false);

/**
 * @param {Network} network
 * @param {View} view
 */
function rowsOf(network, view) {
  const selection = source(network, view);
  return selection ? view.rows(selection) : undefined;
}

/** @type {Chart} */
export const unit = {
  id: "unit",
  title: "One unit’s input, as Figure 1 b and c",
  hint: "The 15th, 50th and 85th percentile of what enters one nonlinearity, on the fixed probe. " +
    "Straight lines: what the unit sees stays as it is; look for drift and for a fan that opens.",
  axis: "preactivation",
  percent: false,
  log: null,
  shared: false,
  lines: false,
  cells: ({ networks }) => networks.length,
  needs: () => [],
  draws: (view) => view.networks.flatMap((network) => {
    const selection = source(network, view);
    return selection ? [{ ...selection, statistics: STATISTICS }] : [];
  }),
  draw: (view) => view.networks.map((network, arm) => {
    /** @type {Cell} */
    const cell = { marks: [], note: null };
    const rows = rowsOf(network, view);
    if (rows) {
      const outline = band(rows, rows.columns.p15, rows.columns.p85);
      if (outline.x.length) cell.marks.push({ kind: "band", arm, level: 0, ...outline });
      for (const name of STATISTICS) {
        const drawn = line(rows, rows.columns[name]);
        if (drawn.x.length) {
          cell.marks.push({ kind: "line", arm, dash: name === "p50" ? armDash(arm) : "solid",
            points: false, dense: name !== "p50", ...drawn });
        }
      }
      addDots(cell, view, arm, rows, rows.columns.p50);
      const odd = rug(rows, STATISTICS.map((name) => rows.columns[name]));
      if (odd) cell.marks.push({ kind: "rug", arm, row: 0, ...odd });
    }
    cell.note = noteFor(cell, view, { reason: absence(network, view), rows: [rows] });
    return cell;
  }),
  extent: (view) => union(view.networks.map((network) => {
    const rows = rowsOf(network, view);
    return rows ? extent(STATISTICS.map((name) => rows.columns[name])) : null;
  })),
  read: (view, step) => view.networks.map((network, arm) => {
    const rows = rowsOf(network, view);
    const { p15, p50, p85 } = rows?.columns ?? {};
    const row = rowAt(rows, p50, step);
    const ends = row < 0 || !p15 || !p85 || Number.isNaN(p15.lo[row]) ? ""
      : ` [${number(p15.lo[row], 2)}, ${number(p85.hi[row], 2)}]`;
    return [{ arm, dash: armDash(arm), name: network.arm,
      value: valueAt(rows, p50, step, number) + ends }];
  }),
};
