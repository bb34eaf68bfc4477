/** The menu of a chart: what it shows, its formulas, its data and picture as files, a link to it. */

/** @import { Captions } from "../plot.js" */
/** @import { Definition, Definitions, Drawing, Range, Selection } from "../types" */
/** @import { Deck } from "./deck.js" */
/** @import { MomentPanel } from "./moment_panel.js" */
/** @import { Panel } from "./panel.js" */

import * as api from "../api.js";
import { copy } from "../copying.js";
import { h, setText } from "../dom.js";
import { steps, whole } from "../format.js";
import { image } from "../plot.js";
import { axisTitle } from "./overlay.js";
import { popup } from "./popup.js";

/** Milliseconds that a button says what became of a click. */
const SAID = 1500;

/** @type {Promise<Definitions> | null} */
let definitions = null;

/** @param {Panel} panel */
export function chartMenu(panel) {
  return menuButton(panel.title, () => [
    h("h2", {}, panel.title), h("p", { class: "hint" }, panel.chart.hint),
    formula(selectionsOf(panel)), files(panel),
    linkButton(panel.deck.linkTo(panel.chart, panel.layer))]);
}

/**
 * That of a chart of one step: its data are the records of what is drawn.
 * @param {MomentPanel} panel
 */
export function momentMenu(panel) {
  const { chart, layer, title, moments: { deck } } = panel;
  return menuButton(title, () => {
    const selections = chart.needs({ networks: deck.networks, layer });
    /** @type {Range | null} */
    const range = panel.steps && [Math.min(...panel.steps), Math.max(...panel.steps)];
    return [h("h2", {}, title), h("p", { class: "hint" }, chart.hint), formula(selections),
      fileList(tablesOf(selections).map((some) => ({
        href: api.partUrl(deck.run.id, some, { layer, unit: null, range }),
        about: `${some[0].table}, ${range ? steps(...range) : "all steps"}, as recorded` })),
      async (format) => {
        if (panel.drawn) await save(panel.drawn, {
          title, subtitle: [subtitle(deck), range && steps(...range)].filter(Boolean).join("; "),
          axis: chart.axis, across: chart.across, legend: panel.readings,
        }, nameOf(deck, chart.id, layer), format);
      }),
      linkButton(deck.linkTo(chart, layer))];
  });
}

/**
 * @param {string} title Of the chart
 * @param {() => Node[]} build What is in its menu, whenever that opens
 */
export function menuButton(title, build) {
  const button = h("button", { class: "chart-menu", type: "button",
    "aria-label": `Menu of ${title}`, title: "Formula, data, picture, link" }, "⋯");
  popup(button, "Chart", build);
  return button;
}

/** It shows another layer. @param {Panel} panel */
export function nameMenu({ menu, title }) {
  menu.setAttribute("aria-label", `Menu of ${title}`);
}

/** The series that are drawn. @param {Panel} panel */
const selectionsOf = ({ chart, layer, deck: { networks } }) =>
  (chart.draws ?? chart.needs)({ networks, layer });

/**
 * What the statistics of a chart are, once a person asks.
 * @param {Selection[]} selections
 */
function formula(selections) {
  const list = h("dl", {});
  const details = h("details", { ontoggle: async () => {
    if (list.children.length > 0) return;
    definitions ??= api.getDefinitions();
    try {
      list.replaceChildren(...entries(selections, await definitions));
    } catch (error) {
      definitions = null;
      list.replaceChildren(h("dd", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  } }, h("summary", {}, "Formula"), list);
  return details;
}

/**
 * Statistics that are defined together are told together.
 * @param {Selection[]} selections
 * @param {Definitions} known
 */
function entries(selections, known) {
  /** @type {Map<string, { names: Set<string>, unit: string }>} */
  const found = new Map();
  for (const { table, statistics } of selections) {
    for (const name of statistics) {
      /** @type {Definition | undefined} */
      const one = known[table]?.[name];
      if (!one) continue;
      const { names } = found.get(one.definition) ?? { names: new Set() };
      found.set(one.definition, { names: names.add(name), unit: one.unit });
    }
  }
  return [...found].flatMap(([definition, { names, unit }]) => [
    h("dt", {}, h("code", {}, [...names].join(", ")), unit && h("span", { class: "hint" }, ` ${unit}`)),
    h("dd", {}, definition)]);
}

/** @param {Panel} panel */
function files(panel) {
  const { chart, layer, deck: { run, chosen: range, units } } = panel;
  const unit = chart.draws && !chart.rowAxis ? units?.answer?.unit ?? null : null;
  const part = range === null ? "all steps" : steps(...range);
  return fileList(tablesOf(selectionsOf(panel)).map((selections) => ({
    href: api.partUrl(run.id, selections, { layer, unit, range }),
    about: `${selections[0].table}, ${part}, as recorded` })), (format) => savePicture(panel, format));
}

/** Those of each table, which is a file of its own. @param {Selection[]} selections */
function tablesOf(selections) {
  /** @type {Map<string, Selection[]>} */
  const tables = new Map();
  for (const one of selections) tables.set(one.table, [...(tables.get(one.table) ?? []), one]);
  return [...tables.values()];
}

/**
 * @param {{ href: string, about: string }[]} csv
 * @param {(format: "png" | "svg") => void} save
 */
export function fileList(csv, save) {
  const pictures = /** @type {const} */ (["png", "svg"]).map((format) =>
    h("button", { type: "button", onclick: () => save(format) }, format.toUpperCase()));
  return h("ul", {}, ...csv.map(({ href, about }) => h("li", {},
    h("a", { class: "button", download: true, href }, "CSV"),
    h("span", { class: "hint" }, about))), h("li", {}, ...pictures,
    h("span", { class: "hint" }, "as it is drawn, in these colours")));
}

/**
 * @param {Panel} panel
 * @param {"png" | "svg"} format
 */
async function savePicture(panel, format) {
  const { chart, deck, layer } = panel;
  const view = deck.view(chart, layer);
  const drawing = panel.drawing(view);
  await save(drawing, {
    title: panel.title,
    subtitle: [
      subtitle(deck),
      view.smooth > 0 && chart.lines && `moving average, half-life ${whole(view.smooth)} steps`,
      ...drawing.cells.flatMap(({ marks }) => marks.flatMap((mark) =>
        mark.kind === "rug" ? `${deck.networks[mark.arm].arm}: ${mark.text}` : [])),
    ].filter(Boolean).join("; "),
    axis: axisTitle(chart, view),
    across: deck.looks.across.unit,
    legend: chart.read(view, deck.range[1]).flat(),
  }, nameOf(deck, chart.id, layer), format);
}

/** @param {Deck} deck */
const subtitle = ({ run, networks }) => `Run ${run.id}, ${run.name}, seed ${networks[0].seed}`;

/**
 * @param {Deck} deck
 * @param {string} chart
 * @param {string | null} layer
 */
const nameOf = ({ run }, chart, layer) =>
  ["shiftscope-run", run.id, chart, layer].filter(Boolean).join("-");

/**
 * @param {Drawing} drawing
 * @param {Captions} captions
 * @param {string} name
 * @param {"png" | "svg"} format
 */
async function save(drawing, captions, name, format) {
  const href = await image(drawing, captions, format);
  h("a", { href, download: `${name}.${format}` }).click();
}

/** @param {string} address */
export function linkButton(address) {
  const button = h("button", { type: "button", onclick: async () => {
    if (await copy(address)) {
      setText(button, "Copied");
      window.setTimeout(() => setText(button, "Copy link"), SAID);
    } else {
      field.hidden = false;
      field.select();
    }
  } }, "Copy link");
  const field = h("input", { readonly: true, value: address, "aria-label": "Link", hidden: true });
  return h("div", { class: "link" }, button,
    h("span", { class: "hint" }, "opens exactly this view"), field);
}
