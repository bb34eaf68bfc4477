/** The tabs of a run that show its records: which charts, and in which order. */

/** @import { Chart, LayerRow, MomentChart } from "../types" */
/** @import { Deck } from "./deck.js" */
/** @import { VerdictView } from "./verdict.js" */

import { loggedAccuracy, loggedTestAccuracy, testAccuracy, trainAccuracy } from "../charts/accuracy.js";
import { beta, gamma } from "../charts/affine.js";
import { activationGradientByDepth, weightGradientByDepth } from "../charts/depth.js";
import { densityChart, quantileChart } from "../charts/distribution.js";
import { meanDrift, varDrift } from "../charts/drift.js";
import { withEnsemble } from "../charts/ensemble.js";
import { fan } from "../charts/fan.js";
import { inferenceGap } from "../charts/gap.js";
import { activationGradient, gradientSignal, weightGradient } from "../charts/gradients.js";
import { gradientShift, landscape } from "../charts/landscape.js";
import { loggedLoss, loggedTestLoss, testLoss, trainLoss } from "../charts/loss.js";
import { DISTANCES, effectiveRank, probeCharts } from "../charts/probe.js";
import { shiftFromStart, shiftStep } from "../charts/shift.js";
import { dead, saturated } from "../charts/units_at_rest.js";
import { updateRatio } from "../charts/update.js";
import { h } from "../dom.js";
import { isBatchNorm, layersOf } from "../layers.js";
import { Moments } from "../moments.js";
import { pinned, togglePin } from "../pins.js";
import { choiceOf } from "./choice.js";
import { layerHeatMap } from "./heat_maps.js";
import { MomentPanel } from "./moment_panel.js";
import { unitChoice } from "./unit_choice.js";

const DISTANCE = "shiftscope.distance";
/** Distributions of more arms than these take a place of their own. */
const ABREAST = 3;
const DISTRIBUTION = "shiftscope.distribution";
/** @type {Record<string, MomentChart>} */
const DISTRIBUTIONS = { density: densityChart, "quantile function": quantileChart };
const HIGH = 228;
const LOW = 200;
const ROW = 176;
/** Where there is more to say of a layer, or its name is longer, its column is wider. */
const SHORT = 12;
/** With no more layers than these, none needs to be pinned. */
const FEW = 4;

/**
 * What a tab is built of.
 * @typedef {object} Parts
 * @property {Deck} deck
 * @property {VerdictView | null} verdict What the pair comes to, kept up to date by the page; a
 *   watched run has none
 * @property {LayerRow[]} layers Those that are shown, where the tab has layers
 * @property {boolean} probed Whether the run looks at the fixed probe
 * @property {string | null} chart The chart that the address names
 * @property {number | null} together The seed, where its networks also predict together
 * @property {boolean} gradientShift Whether it measures the gradient shift
 * @property {boolean} landscape Whether it measures the landscape
 * @property {() => void} rebuild Build the tab anew, as something was chosen
 */

/**
 * @typedef {object} Tab
 * @property {string} id
 * @property {string} title
 * @property {(row: LayerRow) => boolean} [shows] Which layers it has; without it, none
 * @property {string} [none] Why there are none
 * @property {(parts: Parts) => HTMLElement} build
 */

/** @type {Tab[]} */
export const TABS = [
  { id: "overview", title: "Overview", build: overview },
  { id: "shift", title: "Shift", shows: () => true, none: "No layer is looked at.",
    build: shift },
  { id: "gradients", title: "Gradients", shows: () => true, none: "No layer is looked at.",
    build: gradients },
  { id: "running-statistics", title: "Running statistics",
    shows: ({ norms }) => norms.some(isBatchNorm),
    none: "No arm has BatchNorm, so there are no running statistics.",
    build: runningStatistics },
  { id: "findings", title: "Findings", build: () => h("div") },
];

/** @param {Parts} parts */
function shift(parts) {
  const { deck, probed, rebuild } = parts;
  const names = Object.keys(DISTRIBUTIONS);
  const { choice, chosen } = choiceOf({ label: "distribution as", memory: DISTRIBUTION,
    otherwise: "density", named: names.find((name) => DISTRIBUTIONS[name].id === parts.chart) ?? null,
    options: names.map((name) => [name, name]), onChoose: rebuild });
  const distribution = DISTRIBUTIONS[chosen];
  const layers = deck.networks.length > ABREAST ? [
    matrix("shift", [fan, shiftFromStart, shiftStep], parts),
    h("div", { class: "section-line" }, choice), matrix("one", [distribution], parts),
  ] : [
    h("div", { class: "section-line" }, choice),
    matrix("shift distributions", [fan, distribution, shiftFromStart, shiftStep], parts),
  ];
  return h("div", {}, layerHeatMap(parts, layersOf(deck.networks)), ...layers,
    probed && onProbe(parts));
}

/** @param {Parts} parts */
function onProbe(parts) {
  const named = /^probe-(\w+)-from-/.exec(parts.chart ?? "")?.[1] ?? null;
  const { choice, chosen } = choiceOf({ label: "distance", memory: DISTANCE, otherwise: "w1", named,
    options: Object.entries(DISTANCES).map(([name, { title }]) => [name, title]),
    onChoose: parts.rebuild });
  return h("section", { class: "on-probe" },
    h("h2", {}, "On the fixed probe"), unitChoice(parts),
    h("div", { class: "section-line" }, choice), matrix("three", [...probeCharts(chosen), effectiveRank], parts));
}

/** @param {Parts} parts */
function gradients(parts) {
  const moments = new Moments(parts.deck);
  const byDepth = h("div", { class: "by-depth" },
    ...[activationGradientByDepth, weightGradientByDepth].map((chart) =>
      new MomentPanel(moments, chart, { rowHeight: HIGH }).element));
  return h("div", {}, byDepth,
    matrix("four", [activationGradient, weightGradient, updateRatio, gradientSignal], parts),
    h("section", { class: "around-steps" },
      h("div", { class: "section-line" }, h("h2", {}, "Units that let no gradient through")),
      matrix("two", [saturated, dead], parts)),
    parts.landscape && h("section", { class: "around-steps" },
      h("div", { class: "section-line" }, h("h2", {}, "Loss landscape")),
      h("div", { class: "abreast" }, ...landscape.map((chart) =>
        parts.deck.add(chart, { rowHeight: LOW }).element))),
    parts.gradientShift && h("section", { class: "around-steps" },
      h("div", { class: "section-line" }, h("h2", {}, "Gradient shift")),
      matrix("three", gradientShift, parts)));
}

/** @param {Parts} parts */
function runningStatistics(parts) {
  return h("div", {}, matrix("four", [meanDrift, varDrift, gamma, beta], parts),
    parts.verdict && h("section", { class: "around-steps" },
      parts.deck.add(inferenceGap, { rowHeight: HIGH }).element));
}

/** @param {Parts} parts */
function overview({ deck, verdict, together }) {
  const accuracy = together === null ? testAccuracy : withEnsemble(testAccuracy, together);
  const charts = verdict ? [accuracy, testLoss, trainAccuracy, trainLoss, inferenceGap]
    : [loggedLoss, loggedAccuracy, loggedTestLoss, loggedTestAccuracy];
  return h("div", { class: "overview" }, verdict?.element, ...charts.map((chart, at) =>
    deck.add(chart, { rowHeight: at < 2 ? HIGH : LOW }).element), verdict?.details);
}

/**
 * Small multiples: a row for each layer, a column for each chart, of steps or of a moment.
 * @param {string} columns How wide the columns are, in the style sheet
 * @param {(Chart | MomentChart)[]} charts
 * @param {Parts} parts
 */
function matrix(columns, charts, { deck, layers, rebuild }) {
  const isLong = layers.some(({ name, sample, only }) =>
    name.length > SHORT || sample || only.length > 0);
  const head = h("div", { class: "matrix-row heads" }, h("div", {}),
    ...charts.map((chart) => h("div", { class: "column-head" },
      h("h2", {}, chart.title), deck.looks.logToggle(chart), h("p", { class: "hint" }, chart.hint))));
  const moments = new Moments(deck);
  /** @param {Chart | MomentChart} chart @param {string} layer */
  const panel = (chart, layer) => "across" in chart
    ? new MomentPanel(moments, chart, { layer, rowHeight: ROW })
    : deck.add(chart, { layer, rowHeight: ROW });
  const pins = pinned(deck.run.id);
  const canPin = layersOf(deck.networks).length > FEW;
  const rows = layers.map((layer) => h("section", { class: "matrix-row" },
    label(layer, canPin && pinButton(layer.name, pins.includes(layer.name), () => {
      togglePin(deck.run.id, layer.name);
      rebuild();
    })),
    ...charts.map((chart) => panel(chart, layer.name).element)));
  return h("div", { class: `matrix ${columns}${isLong ? " long" : ""}` }, head, ...rows);
}

/**
 * @param {string} name
 * @param {boolean} isPinned
 * @param {() => void} onclick
 */
const pinButton = (name, isPinned, onclick) => h("button", { class: "toggle", type: "button",
  "aria-pressed": String(isPinned), "aria-label": `Pin ${name}`, title: "Keep at the top", onclick },
"pin");

/**
 * @param {LayerRow} layer
 * @param {HTMLElement | false} pin
 */
function label({ name, about, sample, only }, pin) {
  const parts = name.split(/(?<=\.)/); // a path may be broken after each dot
  return h("header", { title: name },
    h("h2", {}, ...parts.flatMap((part) => [part, h("wbr")])),
    h("p", { class: "hint" }, about),
    sample && h("p", { class: "hint", title: "Its percentiles rest on a subsample, evenly spread" },
      sample),
    only.length > 0 && h("p", { class: "hint" }, `only in ${only.join(", ")}`), pin);
}
