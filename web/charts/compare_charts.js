/** The charts of a comparison: which statistic each is of, and what it says. Pure. */

/** @import { Range } from "../types" */

/**
 * @typedef {object} CompareChart
 * @property {string} id As the address names it
 * @property {string} title
 * @property {string} hint
 * @property {string} axis
 * @property {string} table
 * @property {string} statistic
 * @property {boolean} percent
 */

/** @type {CompareChart[]} */
export const CHARTS = [
  { id: "test-accuracy", title: "Test accuracy", axis: "share correct (%)", table: "evaluations",
    statistic: "test_accuracy", percent: true,
    hint: "Share of the test set that is classified right, at every evaluation." },
  { id: "test-loss", title: "Test loss", axis: "cross-entropy (nats)", table: "evaluations",
    statistic: "test_loss", percent: false,
    hint: "Mean cross-entropy on the test set, at every evaluation." },
  { id: "train-loss", title: "Training loss", axis: "loss", table: "network_records",
    statistic: "loss", percent: false,
    hint: "Of each training batch." },
];

/** @type {{ title: string, table: string, statistics: [string, string, string][] }[]} */
export const LAYER_STATISTICS = [
  { title: "At each step", table: "layer_records", statistics: [
    ["shift_w1", "Shift per record", "W₁ (σ)"],
    ["shift_from_start", "Shift from start", "W₁ (σ)"],
    ["mean", "Mean of the preactivation", "of z"],
    ["std", "Std of the preactivation", "of z"],
    ["p50", "Median of the preactivation", "of z"],
    ["saturated", "Saturated", "share of elements"],
    ["dead", "Dead", "share of units"],
    ["activation_grad_norm", "Gradient at the preactivation", "norm"],
    ["weight_grad_norm", "Gradient of the weights", "norm"],
    ["weight_norm", "Norm of the weights", "norm"],
    ["update_ratio", "Update ratio", "share"],
    ["mean_drift", "Drift of the mean", "distance (σ)"],
    ["var_drift", "Drift of the variance", "|ln ratio|"],
    ["gamma_mean", "γ, mean", "of z"],
    ["beta_mean", "β, mean", "of z"],
    ["beta_std", "β, std", "of z"],
  ] },
  { title: "On the probe", table: "probe_records", statistics: [
    ["w1_from_start_median", "Shift of the median unit from the start", "W₁ (σ)"],
    ["w1_from_previous_median", "Shift of the median unit from the look before", "W₁ (σ)"],
    ["effective_rank", "Effective rank", "directions"],
  ] },
  { title: "Around steps", table: "gradient_shift_records", statistics: [
    ["shift_l2", "Gradient shift", "loss / W"],
    ["shift_relative", "Gradient shift, relative", "share"],
    ["shift_cosine", "Gradient shift, cosine", "cosine"],
  ] },
];

/**
 * The chart of one statistic of a layer.
 * @param {string} name
 * @returns {CompareChart}
 */
export function layerChart(name) {
  const group = LAYER_STATISTICS.find(({ statistics }) => statistics.some(([one]) => one === name))
    ?? LAYER_STATISTICS[0];
  const [statistic, title, axis] = group.statistics.find(([one]) => one === name)
    ?? group.statistics[0];
  return { id: "layer", title, axis, table: group.table, statistic, percent: false,
    hint: "Of the layers of this name." };
}

/**
 * What is drawn, in words.
 * @param {{ width: number, averaged: boolean, bucketed: boolean }} what
 */
export function drawnWords({ width, averaged, bucketed }) {
  const words = [];
  if (averaged) words.push("Mean over the networks of a line, with its interval at 95 %, which " +
    "may reach beyond the axis.");
  if (bucketed) words.push(`Of every ${width} steps the middle; faint: from the smallest to the ` +
    "largest value of any network.");
  return words.join(" ");
}

/**
 * Ticks of an axis of steps.
 * @param {{ range: Range, tick: number }} axis
 */
export function stepTicks({ range: [first, last], tick }) {
  const count = Math.floor((last - first) / tick + 1e-9) + 1;
  return Array.from({ length: count }, (_, at) => first + at * tick);
}
