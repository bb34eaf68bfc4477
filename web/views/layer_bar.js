/** Which layers are shown, where they are many: a search, the modules as a list, and a page of them. */

/** @import { LayerPage, LayerRow, Place } from "../types" */

import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { areMany, matching, pageAt, pagesOf, plainPagesOf } from "../layers.js";

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

const TYPING_PAUSE = 200;

/**
 * The layers of a place: those on its page, or those that were searched for.
 * @param {LayerRow[]} rows All that the tab has
 * @param {RunPlace} place
 */
export function chosen(rows, { layer, find }) {
  const found = areMany(rows) && find !== null ? matching(rows, find) : rows;
  const pages = found === rows ? pagesOf(rows) : plainPagesOf(found);
  const at = pageAt(pages, layer);
  return { pages, at, count: found.length, layers: pages[at]?.rows ?? [] };
}

export class LayerBar {
  #search = h("input", { type: "search", placeholder: "Find layers", "aria-label": "Find layers",
    autocomplete: "off", spellcheck: "false" });
  #modules = h("select", { "aria-label": "Module" });
  #words = h("span", { class: "words" });
  #previous = h("button", { type: "button", "aria-label": "Previous layers" }, "←");
  #next = h("button", { type: "button", "aria-label": "Next layers" }, "→");
  /** @type {LayerPage[]} */
  #pages = [];
  #at = 0;
  #timer = 0;

  /** @param {(change: { layer: string | null, find?: string | null }) => void} onChoose */
  constructor(onChoose) {
    this.element = h("div", { class: "layer-bar", role: "group", "aria-label": "Layers",
      hidden: true }, this.#search, this.#modules, this.#previous, this.#next, this.#words);
    const turn = (/** @type {number} */ to) => onChoose({ layer: this.#pages[to].rows[0].name });
    this.#previous.addEventListener("click", () => turn(this.#at - 1));
    this.#next.addEventListener("click", () => turn(this.#at + 1));
    this.#modules.addEventListener("change", () => turn(this.#modules.selectedIndex));
    this.#search.addEventListener("input", () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() =>
        onChoose({ layer: null, find: this.#search.value.trim() || null }), TYPING_PAUSE);
    });
  }

  /**
   * @param {LayerRow[]} rows All that the tab has
   * @param {RunPlace} place
   */
  show(rows, place) {
    this.element.hidden = !areMany(rows);
    if (this.element.hidden) return;
    const { pages, at, count, layers } = chosen(rows, place);
    if (document.activeElement !== this.#search) this.#search.value = place.find ?? "";
    if (pages.map(({ title }) => title).join("\n") !== this.#pages.map(({ title }) => title).join("\n")) {
      this.#modules.replaceChildren(...pages.map(({ title }) => h("option", {}, title)));
    }
    this.#pages = pages;
    this.#at = at;
    this.#modules.selectedIndex = at;
    this.#modules.disabled = pages.length < 2;
    for (const one of [this.#modules, this.#previous, this.#next]) one.hidden = pages.length === 0;
    this.#previous.disabled = at === 0;
    this.#next.disabled = at >= pages.length - 1;
    const first = (pages[at]?.first ?? 0) + 1;
    const shown = layers.length === 1 ? whole(first)
      : `${whole(first)}–${whole(first + layers.length - 1)}`;
    setText(this.#words, count === 0 ? "" : `layer${layers.length === 1 ? "" : "s"} ${shown} of ` +
      `${whole(count)}${count < rows.length ? " found" : ""}`);
  }

  /** Forget what is being typed. */
  close() {
    window.clearTimeout(this.#timer);
  }
}
