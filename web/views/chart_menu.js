/** The menu of a chart: what it shows, its formula, its data and picture as files, a link to it. */

/** @import { Captions } from "../plot.js" */
/** @import { Definition, Definitions, Drawing, Selection } from "../types" */

import { getDefinitions } from "../asking/lists.js";
import { copy } from "../copying.js";
import { h, setText } from "../dom.js";
import { image } from "../plot.js";
import { popup } from "./popup.js";

/** Milliseconds that a button says what became of a click. */
const SAID = 1500;

/** @type {Promise<Definitions> | null} */
let definitions = null;

/** @typedef {"png" | "svg"} PictureFormat */

/**
 * @typedef {object} ChartMenu What the menu of a chart holds.
 * @property {string} title
 * @property {string} shows One line: what it shows, and what to look for
 * @property {HTMLElement} formula
 * @property {{ href: string, about: string }[]} csv Its data: files, each with what is in it
 * @property {(format: PictureFormat) => void} save
 * @property {string} address One that opens it as it is
 */

/**
 * @param {string} title Of the chart
 * @param {() => ChartMenu} build Whenever it opens
 */
export function menuButton(title, build) {
  const button = h("button", { class: "chart-menu", type: "button",
    "aria-label": `Menu of ${title}`, title: "Formula, data, picture, link" }, "⋯");
  popup(button, "Chart", () => {
    const menu = build();
    return [h("h2", {}, menu.title), h("p", { class: "hint" }, menu.shows), menu.formula,
      files(menu), linkButton(menu.address)];
  });
  return button;
}

/**
 * What the statistics of a chart are, once a person asks.
 * @param {Pick<Selection, "table" | "statistics">[]} selections
 * @param {string} [also] What is drawn of them
 */
export function formula(selections, also = "") {
  const list = h("dl", {});
  return h("details", { ontoggle: async () => {
    if (list.children.length > 0) return;
    definitions ??= getDefinitions();
    try {
      list.replaceChildren(...entries(selections, await definitions),
        ...also ? [h("dt", {}, "drawn"), h("dd", {}, also)] : []);
    } catch (error) {
      definitions = null;
      list.replaceChildren(h("dd", { class: "bad" }, /** @type {Error} */ (error).message));
    }
  } }, h("summary", {}, "Formula"), list);
}

/**
 * The same of something that is no recorded statistic.
 * @param {string} name
 * @param {string} unit May be empty
 * @param {string} definition
 */
export const ownFormula = (name, unit, definition) => h("details", {},
  h("summary", {}, "Formula"), h("dl", {}, ...entry(name, unit, definition)));

/**
 * Statistics that are defined together are told together.
 * @param {Pick<Selection, "table" | "statistics">[]} selections
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
  return [...found].flatMap(([definition, { names, unit }]) =>
    entry([...names].join(", "), unit, definition));
}

/**
 * @param {string} names
 * @param {string} unit
 * @param {string} definition
 */
const entry = (names, unit, definition) => [
  h("dt", {}, h("code", {}, names), unit && h("span", { class: "hint" }, ` ${unit}`)),
  h("dd", {}, definition)];

/** @param {ChartMenu} menu */
function files({ csv, save }) {
  const pictures = /** @type {const} */ (["png", "svg"]).map((format) =>
    h("button", { type: "button", onclick: () => save(format) }, format.toUpperCase()));
  return h("ul", {}, ...csv.map(({ href, about }) => h("li", {},
    h("a", { class: "button", download: true, href }, "CSV"),
    h("span", { class: "hint" }, about))), h("li", {}, ...pictures,
    h("span", { class: "hint" }, "as it is drawn, in these colours")));
}

/**
 * A drawing as a file.
 * @param {Drawing} drawing
 * @param {Captions} captions
 * @param {(string | number | null)[]} name Its parts; null ones are left out
 * @param {PictureFormat} format
 */
export async function savePicture(drawing, captions, name, format) {
  const href = await image(drawing, captions, format);
  const file = ["shiftscope", ...name].filter((part) => part !== null).join("-");
  h("a", { href, download: `${file.replace(/[^\w.-]+/g, "-")}.${format}` }).click();
}

/** @param {string} address */
function linkButton(address) {
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
