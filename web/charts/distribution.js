/**
 * The distribution of a layer's preactivation at one step, from its recorded percentiles: as a
 * density, or as the quantile function.
 */

/** @import { Cell, MomentChart, Range, Reading, SeriesRecord, View } from "../types" */

import { number, percent, real } from "../format.js";
import { isDrawable, linearAxis, shareAxis } from "../scale.js";
import { union } from "../traces.js";
import { absence, armDash, select } from "./lines.js";

/** The recorded quantiles, and the share of values below each. @type {[string, number][]} */
const QUANTILES = [["min", 0], ["p01", 0.01], ["p05", 0.05], ["p15", 0.15], ["p25", 0.25],
  ["p50", 0.5], ["p75", 0.75], ["p85", 0.85], ["p95", 0.95], ["p99", 0.99], ["max", 1]];
const STATISTICS = [...QUANTILES.map(([name]) => name), "nonfinite"];
const [TICK_WIDTH, TICK_HEIGHT] = [40, 32];

/** @typedef {{ share: number, value: number }} Quantile */

/**
 * The quantiles of a record, those that are finite.
 * @param {SeriesRecord | undefined} record
 * @returns {Quantile[]}
 */
export const quantilesOf = (record) => QUANTILES.flatMap(([name, share]) => {
  const value = real(record?.values[name]);
  return value !== null && isDrawable(value) ? [{ share, value }] : [];
});

/**
 * Between two neighbouring quantiles the density is their share over their distance. Where they are
 * equal it has no finite value: that share of all values is one number, an atom.
 * @param {Quantile[]} quantiles
 */
export function density(quantiles) {
  /** @type {number[]} */
  const x = [];
  /** @type {number[]} */
  const y = [];
  /** @type {Quantile[]} */
  const atoms = [];
  quantiles.slice(1).forEach(({ share, value }, at) => {
    const before = quantiles[at];
    const last = atoms.at(-1);
    if (value > before.value) {
      const height = (share - before.share) / (value - before.value);
      x.push(before.value, value);
      y.push(height, height);
    } else if (last?.value === value) last.share += share - before.share;
    else atoms.push({ share: share - before.share, value });
  });
  if (x.length === 0) return { x: new Float64Array(), y: new Float64Array(), atoms };
  return { x: Float64Array.from([x[0], ...x, x[x.length - 1]]),
    y: Float64Array.from([0, ...y, 0]), atoms };
}

/**
 * The share of values below one, or the value that a share lies below; on straight lines between
 * the quantiles.
 * @param {Quantile[]} quantiles
 * @param {number} at
 * @param {"share" | "value"} from
 * @param {"share" | "value"} to
 */
export function between(quantiles, at, from, to) {
  const next = quantiles.findIndex((one) => one[from] >= at);
  if (next <= 0) return (quantiles[next] ?? quantiles.at(-1))?.[to] ?? NaN;
  const [low, high] = [quantiles[next - 1], quantiles[next]];
  return low[to] + ((at - low[from]) / (high[from] - low[from])) * (high[to] - low[to]);
}

/** @typedef {{ arm: number, name: string, quantiles: Quantile[], record: SeriesRecord | undefined }} Source */

/**
 * @param {View} view
 * @param {Parameters<MomentChart["draw"]>[1]} record
 * @returns {Source[]}
 */
const sources = (view, record) => view.networks.map((network, arm) => {
  const selection = select("layer_records", network, view.layer, false);
  const found = selection ? record(selection) : undefined;
  return { arm, name: network.arm, quantiles: quantilesOf(found), record: found };
});

/**
 * Why nothing is drawn, and which values are no part of it.
 * @param {Cell} cell
 * @param {View} view
 * @param {Source[]} all
 */
function say(cell, view, all) {
  for (const { arm, quantiles, record } of all) {
    const lost = real(record?.values.nonfinite) ?? 0;
    if (lost === 0) continue;
    const x = Float64Array.from(quantiles.slice(0, 1), ({ value }) => value);
    cell.marks.push({ kind: "rug", arm, row: cell.marks.filter(({ kind }) => kind === "rug").length,
      x, text: `${number(lost)} values not finite` });
  }
  if (cell.marks.length > 0 || all.some(({ record }) => record === undefined)) return;
  const reasons = view.networks.map((network) => absence(network, view)).filter(Boolean);
  cell.note = reasons[0] ?? (view.growing ? "waiting for the first records" : "nothing was recorded");
}

/** @type {Pick<MomentChart, "needs" | "log" | "lines">} */
const common = {
  log: null,
  lines: false,
  needs: (view) => view.networks.flatMap((network) => {
    const selection = select("layer_records", network, view.layer, false);
    return selection ? [{ ...selection, statistics: STATISTICS }] : [];
  }),
};

/** @type {MomentChart} */
export const densityChart = {
  ...common,
  id: "density",
  title: "Density at the step",
  hint: "From the recorded percentiles, level between neighbours. Look for tails, and for mass " +
    "where the nonlinearity is flat.",
  axis: "density",
  across: "preactivation",
  draw(view, record, { width, height }) {
    const all = sources(view, record);
    /** @type {Cell} */
    const cell = { marks: [], note: null };
    let highest = 0;
    for (const { arm, quantiles } of all) {
      const { x, y, atoms } = density(quantiles);
      if (x.length > 0) {
        cell.marks.push({ kind: "line", arm, dash: armDash(arm), points: false, dense: false, x, y });
      }
      highest = Math.max(highest, ...y);
      if (atoms.length === 0) continue;
      cell.marks.push({ kind: "rug", arm, row: arm, x: Float64Array.from(atoms, ({ value }) => value),
        text: atoms.map(({ share, value }) => `${percent(share)} are ${number(value)}`).join(", ") });
    }
    say(cell, view, all);
    return { cell, log: false, x: linearAxis(valuesOf(all), Math.max(2, width / TICK_WIDTH)),
      y: linearAxis(highest > 0 ? [0, highest] : null, Math.max(2, height / TICK_HEIGHT)),
      told: (x) => `share below ${number(x)}`,
      read: (x) => readings(all, (quantiles) => x === null ? median(quantiles)
        : percent(between(quantiles, x, "value", "share"))) };
  },
};

/** @type {MomentChart} */
export const quantileChart = {
  ...common,
  id: "quantiles",
  title: "Quantiles at the step",
  hint: "The value below which a share of all lies: recorded percentiles as points, straight lines " +
    "between them. Steep: values far apart.",
  axis: "preactivation",
  across: "share of values",
  draw(view, record, { width, height }) {
    const all = sources(view, record);
    /** @type {Cell} */
    const cell = { marks: [], note: null };
    for (const { arm, quantiles } of all) {
      if (quantiles.length === 0) continue;
      cell.marks.push({ kind: "line", arm, dash: armDash(arm), points: true, dense: false,
        x: Float64Array.from(quantiles, ({ share }) => share),
        y: Float64Array.from(quantiles, ({ value }) => value) });
    }
    say(cell, view, all);
    return { cell, log: false, x: shareAxis([0, 1], Math.max(2, width / TICK_WIDTH)),
      y: linearAxis(valuesOf(all), Math.max(2, height / TICK_HEIGHT)),
      told: (x) => `${percent(Math.min(1, x))} are below`,
      read: (x) => readings(all, (quantiles) => x === null ? median(quantiles)
        : number(between(quantiles, Math.min(1, x), "share", "value"))) };
  },
};

/** @param {Source[]} all @returns {Range | null} */
const valuesOf = (all) => union(all.map(({ quantiles }) =>
  quantiles.length > 0 ? [quantiles[0].value, quantiles[quantiles.length - 1].value] : null));

/** @param {Quantile[]} quantiles */
const median = (quantiles) => number(between(quantiles, 0.5, "share", "value"));

/**
 * @param {Source[]} all
 * @param {(quantiles: Quantile[]) => string} words
 * @returns {Reading[]}
 */
const readings = (all, words) => all.map(({ arm, name, quantiles }) =>
  ({ arm, dash: armDash(arm), name, value: quantiles.length > 0 ? words(quantiles) : "–" }));
