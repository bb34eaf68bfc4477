/** The tabs of a run: which charts they show, and in which order. */

/** @import { Chart, Network } from "../types" */
/** @import { Deck } from "./deck.js" */

import { testAccuracy, trainAccuracy } from "../charts/accuracy.js";
import { beta, gamma } from "../charts/affine.js";
import { meanDrift, varDrift } from "../charts/drift.js";
import { fan } from "../charts/fan.js";
import { inferenceGap } from "../charts/gap.js";
import { activationGradient, weightGradient } from "../charts/gradients.js";
import { testLoss, trainLoss } from "../charts/loss.js";
import { shiftFromStart, shiftStep } from "../charts/shift.js";
import { updateRatio } from "../charts/update.js";
import { h } from "../dom.js";

const HIGH = 228;
const LOW = 200;
const ROW = 176;

/**
 * @typedef {object} Tab
 * @property {string} id
 * @property {string} title
 * @property {(deck: Deck, networks: Network[], figures: HTMLElement) => HTMLElement} build
 */

/** @type {Tab[]} */
export const TABS = [
  { id: "overview", title: "Overview", build: overview },
  { id: "shift", title: "Shift", build: (deck, networks) =>
    matrix(deck, "shift", [fan, shiftFromStart, shiftStep], layersOf(networks)) },
  { id: "gradients", title: "Gradients", build: (deck, networks) =>
    matrix(deck, "three", [activationGradient, weightGradient, updateRatio], layersOf(networks)) },
  { id: "running-statistics", title: "Running statistics", build: (deck, networks) =>
    matrix(deck, "four", [meanDrift, varDrift, gamma, beta],
      layersOf(networks).filter(({ norms }) => norms.includes("batch"))) },
  { id: "settings", title: "Settings", build: () => h("div") },
];

/**
 * @param {Deck} deck
 * @param {Network[]} _networks
 * @param {HTMLElement} figures What the pair comes to, kept up to date by the page
 */
function overview(deck, _networks, figures) {
  const charts = [testAccuracy, testLoss, trainAccuracy, trainLoss, inferenceGap];
  return h("div", { class: "overview" }, figures, ...charts.map((chart, at) =>
    deck.add(chart, { rowHeight: at < 2 ? HIGH : LOW }).element));
}

/** @typedef {{ name: string, about: string, norms: string[] }} LayerRow */

/**
 * The layers of all twins, by name, in the order of the network.
 * @param {Network[]} networks
 * @returns {LayerRow[]}
 */
function layersOf(networks) {
  /** @type {Map<string, LayerRow>} */
  const rows = new Map();
  for (const { layers } of networks) {
    for (const { name, kind, units, activation, norm } of layers) {
      const row = rows.get(name) ?? { name, norms: [],
        about: `${kind}, ${units} units${activation === "none" ? "" : `, ${activation}`}` };
      row.norms.push(norm);
      rows.set(name, row);
    }
  }
  return [...rows.values()];
}

/**
 * Small multiples: a row for each layer, a column for each chart.
 * @param {Deck} deck
 * @param {string} columns How wide the columns are, in the style sheet
 * @param {Chart[]} charts
 * @param {LayerRow[]} layers
 */
function matrix(deck, columns, charts, layers) {
  if (layers.length === 0) {
    return h("p", { class: "nothing" },
      "No arm has BatchNorm, so there are no running statistics.");
  }
  const head = h("div", { class: "matrix-row heads" }, h("div", {}),
    ...charts.map((chart) => h("div", { class: "column-head" },
      h("h2", {}, chart.title), deck.logToggle(chart), h("p", { class: "hint" }, chart.hint))));
  const rows = layers.map(({ name, about }) => h("section", { class: "matrix-row" },
    h("header", {}, h("h2", {}, name), h("p", { class: "hint" }, about)),
    ...charts.map((chart) => deck.add(chart, { layer: name, rowHeight: ROW }).element)));
  return h("div", { class: `matrix ${columns}` }, head, ...rows);
}
