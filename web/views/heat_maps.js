/** Heat maps of the Shift tab: all layers, and all units of a layer; what they show, and their scale. */

/** @import { LayerRow, UnitMatrices } from "../types" */
/** @import { Deck } from "./deck.js" */
/** @import { Parts } from "./tabs.js" */
/** @import { Matrix } from "../charts/heat.js" */

import { getUnitMatrices } from "../asking/records.js";
import { heatMap, matrixOf, matrixOfUnits } from "../charts/heat.js";
import { LAYER_STATISTICS, UNIT_ARRAYS } from "../charts/layer_statistics.js";
import { select } from "../charts/lines.js";
import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { MARGIN } from "../geometry.js";
import { COLUMNS, HeatFeed, seriesOf } from "../heat_feed.js";
import { redraw } from "../redraw.js";
import { keyOf } from "../series.js";
import { choiceOf } from "./choice.js";
import { scaleLegend, withScale } from "./color_scale.js";
import { pickRows } from "./row_picking.js";

const STATISTIC = "shiftscope.heat.statistic";
const ARRAY = "shiftscope.heat.array";
/** Pixels: of a row, and of all rows together. */
const ROW = 18;
const HIGHEST = 324;
const UNITS_HEIGHT = 236;

/** @param {Record<string, { title: string }>} all */
const options = (all) => Object.entries(all).map(([name, { title }]) => [name, title]);

/**
 * One statistic of all layers, whichever of them are shown below.
 * @param {Pick<Parts, "deck" | "rebuild" | "chart">} parts
 * @param {LayerRow[]} layers All of the tab's
 */
export function layerHeatMap({ deck, rebuild, chart: linked }, layers) {
  const { choice, chosen: statistic } = choiceOf({ label: "statistic", memory: STATISTIC,
    otherwise: "shift_from_start", named: /^heat-(\w+)$/.exec(linked ?? "")?.[1],
    options: options(LAYER_STATISTICS), onChoose: rebuild });
  const { title, unit, log, about } = LAYER_STATISTICS[statistic];
  const names = layers.map(({ name }) => name);
  const selections = deck.networks.map((network) =>
    names.map((name) => select("layer_records", network, name, false)));
  const asked = selections.flat().filter((one) => one !== null)
    .map((one) => ({ ...one, statistics: [statistic] }));
  /** @type {{ at: number | null }} */
  const row = { at: null };
  /** @type {HeatFeed<Matrix[]>} */
  const feed = new HeatFeed(deck, {
    about: () => statistic,
    fetch: async (range, signal) => {
      const found = await seriesOf(deck.feed.run, asked, range, signal);
      return selections.map((some) =>
        matrixOf(some.map((one) => one ? found.get(keyOf(one)) : undefined), statistic));
    },
    onAnswer: () => redraw(panel, { now: true }),
  });
  const chart = heatMap({
    id: `heat-${statistic}`, title: `${title} of every layer`, axis: "layer", log,
    hint: `${about} A cell that stands for several steps has the value farthest from 0. ` +
      "Click a row to go to its layer.",
    names: () => names,
    draws: () => asked,
    row: () => row.at,
    matrix: (_, network) => feed.answer?.[deck.networks.indexOf(network)],
  });
  const height = Math.min(HIGHEST, Math.max(3, names.length) * ROW) + MARGIN.top + MARGIN.bottom;
  const legend = scaleLegend(unit);
  const panel = deck.add(withScale(chart, legend.show), { rowHeight: height });
  pickRows(panel, { row, height, count: () => names.length, cells: deck.networks.length,
    onPick: (at) => goTo(deck, names[at]) });
  return h("section", { class: "heat-map" },
    h("div", { class: "section-line" }, choice, legend.element), panel.element);
}

/**
 * One array of all units of the layer whose single unit is drawn.
 * @param {Pick<Parts, "deck" | "rebuild" | "chart">} parts The deck's `units` say which layer
 */
export function unitHeatMap({ deck, rebuild, chart: linked }) {
  const { choice, chosen: array } = choiceOf({ label: "of each unit", memory: ARRAY,
    otherwise: "mean", named: /^unit-heat-(\w+)$/.exec(linked ?? "")?.[1],
    options: options(UNIT_ARRAYS), onChoose: rebuild });
  const { title, unit, about } = UNIT_ARRAYS[array];
  /** @type {{ at: number | null }} */
  const row = { at: null };
  const layer = () => deck.units?.layer ?? "";
  const words = h("span", { class: "hint" });
  /** @type {HeatFeed<{ layer: string } & ReturnType<typeof matrixOfUnits>>} */
  const feed = new HeatFeed(deck, {
    about: () => JSON.stringify([array, layer()]),
    fetch: async (range, signal) => {
      const what = { layer: layer(), array, range, seed: deck.networks[0].seed, columns: COLUMNS };
      const answer = await getUnitMatrices(deck.feed.run, what, signal);
      const found = matrixOfUnits(answer, UNITS_HEIGHT - MARGIN.top - MARGIN.bottom);
      setText(words, looksWords(answer, found.size));
      return { layer: answer.layer, ...found };
    },
    onAnswer: () => redraw(panel, { now: true }),
  });
  /** What is known of the layer that is looked at now; null before it came. */
  const found = () => feed.answer?.layer === layer() ? feed.answer : null;
  const count = () => {
    const { units, size } = found() ?? { units: 0, size: 1 };
    return Math.ceil(units / size);
  };
  /** @param {number} at */
  const nameOf = (at) => {
    const { size, units } = found() ?? { size: 1, units: 0 };
    return size === 1 ? String(at) : `${at * size}–${Math.min(units, (at + 1) * size) - 1}`;
  };
  const chart = heatMap({
    id: `unit-heat-${array}`, title: `${title} of every unit of the layer`, axis: "unit",
    word: "unit ",
    log: array === "std" || array === "running_var" ? false : null,
    hint: `${about} Rows that differ: units that went their own ways. Click one to see it above.`,
    names: () => Array.from({ length: count() }, (_, at) => nameOf(at)),
    draws: ({ networks }) => networks.flatMap((network) => {
      const selection = select("unit_records", network, layer(), false);
      return selection ? [{ ...selection, statistics: [array] }] : [];
    }),
    row: () => row.at,
    matrix: (_, network) => found()?.matrices.get(network.id),
  });
  const legend = scaleLegend(unit);
  const panel = deck.add(withScale(chart, legend.show),
    { layer: layer(), rowHeight: UNITS_HEIGHT });
  pickRows(panel, { row, height: UNITS_HEIGHT, count, cells: deck.networks.length,
    onPick: (at) => deck.chooseUnit({ layer: layer(), unit: at * (found()?.size ?? 1) }) });
  return { panel, element: h("section", { class: "heat-map" },
    h("div", { class: "section-line" }, choice, legend.element, words), panel.element) };
}

/**
 * Which looks are shown, and how many units a row is.
 * @param {UnitMatrices} answer
 * @param {number} size
 */
function looksWords({ looks, every }, size) {
  const which = every === 1 ? `All ${whole(looks)} looks at the probe.`
    : `One in ${whole(every)} of ${whole(looks)} looks at the probe; zoom in to see those between.`;
  return size === 1 ? which
    : `${which} A row is ${whole(size)} units, and has the value farthest from 0.`;
}

/**
 * To the charts of a layer, which may be on another page of layers.
 * @param {Deck} deck
 * @param {string} layer
 */
function goTo(deck, layer) {
  deck.chooseLayer(layer);
  const name = CSS.escape(layer);
  const plot = document.querySelector(`.plot[data-chart="fan"][data-layer="${name}"]`);
  if (!(plot instanceof HTMLElement)) return;
  plot.focus({ preventScroll: true });
  plot.scrollIntoView({ block: "center" });
}
