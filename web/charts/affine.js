/** What BatchNorm has learned: its scale γ and its offset β. */

/** @import { Cell, Chart, Column, Rows, View } from "../types" */

import { number } from "../format.js";
import { band, extent, line, rug, union } from "../traces.js";
import { addDots, armDash, noteFor, rugs, select, valueAt } from "./lines.js";

/**
 * @typedef {object} Banded
 * @property {string} id
 * @property {string} title
 * @property {string} hint
 * @property {string} axis
 * @property {string[]} statistics The middle first
 * @property {(rows: Rows) => [Column | undefined, Column | undefined]} edges
 */

/**
 * A chart of a middle line with one band around it, for each arm with BatchNorm.
 * @param {Banded} spec
 * @returns {Chart}
 */
function bandChart({ id, title, hint, axis, statistics, edges }) {
  /** @param {Pick<View, "networks" | "layer">} view */
  const sources = (view) => view.networks.flatMap((network, arm) => {
    const selection = select("layer_records", network, view.layer, true);
    return selection ? [{ arm, network, selection }] : [];
  });
  return {
    id, title, hint, axis,
    percent: false,
    log: null,
    shared: false,
    lines: false,
    cells: () => 1,
    needs: (view) => sources(view).map(({ selection }) => ({ ...selection, statistics })),
    draw(view) {
      /** @type {Cell} */
      const cell = { marks: [], note: null };
      for (const { arm, selection } of sources(view)) {
        const rows = view.rows(selection);
        if (!rows) continue;
        const outline = band(rows, ...edges(rows));
        const middle = line(rows, rows.columns[statistics[0]]);
        if (outline.x.length) cell.marks.push({ kind: "band", arm, level: 1, ...outline });
        if (middle.x.length) {
          cell.marks.push({ kind: "line", arm, dash: armDash(arm), points: false, dense: false,
            ...middle });
          addDots(cell, view, arm, rows, rows.columns[statistics[0]]);
        }
        const odd = rug(rows, statistics.map((name) => rows.columns[name]));
        if (odd) cell.marks.push({ kind: "rug", arm, row: rugs(cell), ...odd });
      }
      cell.note = noteFor(cell, view, {
        reason: sources(view).length > 0 ? null : "does not apply: no arm has BatchNorm here",
        rows: sources(view).map(({ selection }) => view.rows(selection)),
        missing: "does not apply: this BatchNorm learns no scale and no offset",
      });
      return [cell];
    },
    extent: (view) => union(sources(view).map(({ selection }) => {
      const rows = view.rows(selection);
      return rows ? extent([rows.columns[statistics[0]], ...edges(rows)]) : null;
    })),
    read: (view, step) => [sources(view).map(({ arm, network, selection }) => {
      const rows = view.rows(selection);
      const value = valueAt(rows, rows?.columns[statistics[0]], step, number);
      return { arm, dash: armDash(arm), name: network.arm, value };
    })],
  };
}

export const gamma = bandChart({
  id: "gamma",
  title: "Scale γ",
  hint: "Mean over units, and from the smallest to the largest. Towards 0: units that are " +
    "switched off.",
  axis: "γ",
  statistics: ["gamma_mean", "gamma_min", "gamma_max"],
  edges: ({ columns }) => [columns.gamma_min, columns.gamma_max],
});

export const beta = bandChart({
  id: "beta",
  title: "Offset β",
  hint: "Mean over units, and one standard deviation to either side.",
  axis: "β",
  statistics: ["beta_mean", "beta_std"],
  edges: ({ columns: { beta_mean: mean, beta_std: std } }) =>
    mean && std ? [around(mean, std, -1), around(mean, std, 1)] : [undefined, undefined],
});

/**
 * Mean ± std: in a bucket the widest that can have been.
 * @param {Column} mean
 * @param {Column} std
 * @param {1 | -1} sign
 * @returns {Column}
 */
function around(mean, std, sign) {
  const middle = sign > 0 ? mean.hi : mean.lo;
  const edge = middle.map((value, row) => value + sign * std.hi[row]);
  return { lo: edge, hi: edge, flag: mean.flag };
}
