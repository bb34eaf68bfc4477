/** Which quantities of an import have charts, where they are many: a search, and so many at a time. */

/** @import { Quantity } from "../types" */

import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { matching } from "../layers.js";

const TYPING_PAUSE = 200;
/** So many are seen at a glance, and need no search. */
const FEW = 6;
/** Charts that are built at once. */
const PAGE = 60;

export class QuantityBar {
  #most = PAGE;
  #timer = 0;
  #words = h("span", { class: "words", role: "status" });
  #search = h("input", { type: "search", placeholder: "Find quantities", autocomplete: "off",
    "aria-label": "Find quantities", spellcheck: "false" });
  #more = h("button", { type: "button" }, `Show ${PAGE} more`);

  /**
   * @param {(find: string | null) => void} onFind
   * @param {() => void} onMore
   */
  constructor(onFind, onMore) {
    this.element = h("div", { class: "layer-bar", role: "group", "aria-label": "Quantities",
      hidden: true }, this.#search, this.#more, this.#words);
    this.#search.addEventListener("input", () => {
      window.clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => onFind(this.#search.value.trim() || null), TYPING_PAUSE);
    });
    this.#more.addEventListener("click", () => {
      this.#most += PAGE;
      onMore();
    });
  }

  /**
   * Those that have a chart: the first of what was searched for, and what a link asks for.
   * @param {Quantity[]} all
   * @param {string | null} find
   * @param {string | null} named
   */
  chosen(all, find, named) {
    const found = matching(all, find);
    const shown = found.filter(({ name }, at) => at < this.#most || name === named);
    this.#more.hidden = shown.length === found.length;
    setText(this.#words, `${shown.length < found.length ? `${whole(shown.length)} of ` : ""}${
      whole(found.length)} ${found.length === 1 ? "quantity" : "quantities"}${found.length < all.length ? ` found of ${whole(all.length)}` : ""}`);
    if (document.activeElement !== this.#search) this.#search.value = find ?? "";
    return shown;
  }

  /**
   * @param {Quantity[]} all
   * @param {boolean} isOpen Whether charts are what is looked at
   */
  show(all, isOpen) {
    this.element.hidden = !isOpen || all.length <= FEW;
  }

  /** Forget what is being typed. */
  close() {
    window.clearTimeout(this.#timer);
  }
}
