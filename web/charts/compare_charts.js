/** The charts of a comparison: which statistic each is of, and what it says. Pure. */

/** @import { Averages, Compared, Line, Selection } from "../types" */

import { whole } from "../format.js";
import { LAYER_STATISTICS } from "./layer_statistics.js";

/**
 * @typedef {object} CompareChart
 * @property {string} id As the address names it
 * @property {string} title
 * @property {string} hint
 * @property {string} axis
 * @property {Selection["table"]} table
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
  { id: "train-accuracy", title: "Training accuracy", axis: "share correct (%)",
    table: "network_records", statistic: "accuracy", percent: true,
    hint: "Share of each training batch that is classified right." },
];

/**
 * Statistics of layers, each with its title and unit.
 * @type {{ title: string, table: Selection["table"], statistics: [string, string, string][] }[]}
 */
export const STATISTIC_GROUPS = [
  { title: "At each step", table: "layer_records",
    statistics: Object.entries(LAYER_STATISTICS).map(([name, { title, unit }]) =>
      [name, title, unit]) },
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

/** How the address names the chart of layers. */
export const OF_LAYER = "layer";

/**
 * The chart of one statistic of a layer.
 * @param {string} name
 * @returns {CompareChart}
 */
export function layerChart(name) {
  const group = STATISTIC_GROUPS.find(({ statistics }) => statistics.some(([one]) => one === name))
    ?? STATISTIC_GROUPS[0];
  const [statistic, title, axis] = group.statistics.find(([one]) => one === name)
    ?? group.statistics[0];
  return { id: OF_LAYER, title, axis, table: group.table, statistic, percent: false,
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
 * Which lines lack what: networks without the statistic, and points that some networks lack.
 * @param {Pick<Line, "label">[]} lines
 * @param {Averages} averages Of all steps
 * @param {Averages | null} fine Of the steps in sight and those beside them
 */
export function lackingWords(lines, { lines: averages }, fine) {
  const without = averages.flatMap(({ networks }, at) => networks === 0 ? [lines[at].label] : []);
  const partly = averages.flatMap(({ networks, lacking }, at) =>
    networks > 0 && lacking > 0 ? [`${lines[at].label} (${lacking})`] : []);
  /** @param {Averages["lines"]} of */
  const shorter = (of) => of.flatMap(({ left_out: count }, at) =>
    count > 0 ? [`${lines[at].label} (${whole(count)})`] : []);
  const [all, near] = [shorter(averages), shorter(fine?.lines ?? [])];
  return [
    without.length > 0 && without.length < lines.length && `Not recorded of ${listed(without)}.`,
    partly.length > 0 && `Networks without it: ${listed(partly)}.`,
    all.length > 0 && `Points left out, for some networks lack them: ${listed(all)}.`,
    near.length > 0 && `Points left out of what is in sight, or beside it: ${listed(near)}.`,
  ].filter(Boolean).join(" ");
}

/** So many are named; of more how many there are. */
const NAMED = 6;

/** @param {string[]} names */
const listed = (names) => names.length <= NAMED ? names.join(", ")
  : `${names.slice(0, NAMED).join(", ")} and ${whole(names.length - NAMED)} more`;

/**
 * The layer that is shown first: the last hidden one of those that most networks have.
 * @param {Compared} compared
 */
export function usualLayer({ layers }) {
  const most = Math.max(...layers.map(({ networks }) => networks));
  const those = layers.filter(({ networks }) => networks === most);
  return (those.at(-2) ?? those[0]).name;
}
