/** The table of runs: only rows in sight are elements, however many runs there are. */

/** @import { Run } from "../types" */
/** @import { Column } from "./run_cells.js" */
/** @import { RunList } from "../run_list.js" */
/** @import { Selection } from "../selection.js" */

import { h, setText } from "../dom.js";
import { go, ofRun } from "../location.js";
import { store } from "../state.js";
import { RunRow } from "./run_row.js";
import { Sparklines } from "./sparkline.js";

/** Rows above and below the window that are elements all the same. */
const BEYOND = 6;
/** The two columns that are always there. */
const NUMBER = { name: "id", title: "#", sort: "run", falls: true };
const NAME = { name: "name", title: "run", sort: "name", falls: false, share: 21 };
/** @param {Column} column It stands before the name. */
const isFirst = ({ name }) => name === "status";
const KEYS = "j k: Next and previous run, with Shift select; x: Select the run; " +
  "Enter: Open the run; e: Edit the run’s name, tags and note; Escape: Clear the selection";
/** @type {Record<string, number>} Keys that move by so many rows. */
const MOVES = { j: 1, J: 1, ArrowDown: 1, k: -1, K: -1, ArrowUp: -1, PageDown: 10, PageUp: -10,
  Home: -Infinity, End: Infinity };

export class RunsTable {
  /** @type {Map<number, RunRow>} */
  #rows = new Map();
  #body = h("div", { class: "runs", role: "rowgroup" });
  #head = h("div", { class: "heads", role: "rowgroup" });
  /** @type {{ key: string | null, element: HTMLElement, arrow: HTMLElement }[]} */
  #heads = [];
  /** @type {number | null} The run that the keys act on. */
  #cursor = null;
  /** @type {number | null} Its place, which tells the run that comes when none is there yet. */
  #at = null;
  /** @type {[number, number]} The first and the last place in sight. */
  #sight = [0, 0];
  #frame = 0;
  #sparklines = new Sparklines((run) => this.#rows.get(run)?.draw(this.#sparklines.of(run)));
  #closing = new AbortController();

  /**
   * @param {RunList} list
   * @param {Selection} selection
   * @param {(sort: string) => void} onSort
   */
  constructor(list, selection, onSort) {
    this.list = list;
    this.selection = selection;
    this.onSort = onSort;
    /** @type {Column[]} */
    this.columns = [];
    this.element = h("div", { class: "runs-table", role: "grid", tabindex: 0, "aria-label": "Runs",
      "aria-multiselectable": "true", "data-keys": KEYS, onkeydown: (/** @type {KeyboardEvent} */ event) => {
        this.key(event);
      } }, this.#head, this.#body);
    this.element.addEventListener("edited", () => this.element.focus({ preventScroll: true }));
    this.element.addEventListener("focusin", ({ target }) => this.#focused(target));
    const { signal } = this.#closing;
    window.addEventListener("scroll", () => this.show(), { signal, passive: true });
    window.addEventListener("resize", () => this.show(), { signal });
  }

  /** The first and the last place in sight. */
  get sight() {
    return this.#sight;
  }

  /** @param {Column[]} columns */
  choose(columns) {
    this.columns = columns;
    for (const row of this.#rows.values()) row.element.remove();
    this.#rows.clear();
    const [front, back] = [columns.filter(isFirst), columns.filter((one) => !isFirst(one))];
    const widths = [...front, NAME, ...back].map(({ share }) => `minmax(0, ${share}fr)`);
    this.element.style.setProperty("--columns", `88px ${widths.join(" ")}`);
    this.#heads = [NUMBER, ...front, NAME, ...back].map((column) => this.#headOf(column));
    this.#head.replaceChildren(h("div", { class: "run-row head", role: "row" },
      ...this.#heads.map(({ element }) => element)));
    this.showSort();
    this.show();
  }

  /** Show by which column the list is sorted. */
  showSort() {
    const { sort } = this.list;
    const falls = sort.startsWith("-");
    for (const { key, element, arrow } of this.#heads) {
      const isSorted = key === sort.replace("-", "");
      setText(arrow, isSorted ? (falls ? "↓" : "↑") : "");
      if (isSorted) element.setAttribute("aria-sort", falls ? "descending" : "ascending");
      else element.removeAttribute("aria-sort");
    }
  }

  /**
   * The head of a column, which sorts by it.
   * @param {Pick<Column, "name" | "title" | "about" | "sort" | "falls">} column
   */
  #headOf({ name, title, about, sort: key, falls }) {
    const arrow = h("span", { class: "arrow", "aria-hidden": "true" });
    const sort = () => {
      const { sort: now } = this.list;
      const usual = `${falls ? "-" : ""}${key}`;
      this.onSort(now !== usual ? usual : falls ? String(key) : `-${key}`);
    };
    const element = h("span", { class: `col-${name}`, role: "columnheader" }, key === null ? title
      : h("button", { type: "button", class: "quiet", title: about, onclick: sort }, title, arrow));
    return { key, element, arrow };
  }

  /** Show what is in sight, at the display's pace. */
  show() {
    this.#frame ||= window.requestAnimationFrame(() => {
      this.#frame = 0;
      this.#place();
    });
  }

  close() {
    window.cancelAnimationFrame(this.#frame);
    this.#closing.abort();
  }

  #place() {
    const { list } = this;
    const total = list.total ?? 0;
    const height = this.#rowHeight();
    this.#body.style.height = `${total * height}px`;
    this.element.setAttribute("aria-rowcount", String(total + 1));
    const top = -this.#body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(total - 1, Math.ceil((top + window.innerHeight) / height) + BEYOND);
    this.#sight = [Math.min(first, Math.max(0, total - 1)), Math.max(0, last)];
    if (total > 0 && last >= first) list.need(first, last);
    /** @type {[number, Run][]} */
    const wanted = [];
    const { runs } = store.get();
    for (let place = first; place <= last; place += 1) {
      const run = runs.get(list.at(place) ?? -1);
      if (run) wanted.push([place, run]);
    }
    if (this.#at !== null) this.#cursor ??= list.at(this.#at) ?? null;
    const kept = new Set(wanted.map(([, { id }]) => id));
    for (const [id, row] of this.#rows) {
      if (kept.has(id) || row.isEdited) continue;
      row.element.remove();
      this.#rows.delete(id);
    }
    wanted.forEach(([place, run], at) => this.#showRow(place, run, at, height));
    this.#mark();
    this.#sparklines.need(wanted.map(([, run]) => run));
  }

  /**
   * @param {number} place
   * @param {Run} run
   * @param {number} at Its place among the elements
   * @param {number} height
   */
  #showRow(place, run, at, height) {
    let row = this.#rows.get(run.id);
    if (!row) {
      row = new RunRow(run, this.columns, (event) => this.#clicked(run.id, event));
      row.draw(this.#sparklines.of(run.id));
      this.#rows.set(run.id, row);
    } else if (row.run !== run) row.show(run);
    row.element.style.transform = `translateY(${place * height}px)`;
    row.element.setAttribute("aria-rowindex", String(place + 2));
    const there = this.#body.children[at];
    if (there !== row.element) this.#body.insertBefore(row.element, there ?? null);
  }

  #rowHeight() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row-height"));
  }

  /** Show which rows are selected, and on which the keys act. */
  #mark() {
    for (const [id, row] of this.#rows) row.mark(this.selection.has(id), id === this.#cursor);
    if (this.#cursor === null) this.element.removeAttribute("aria-activedescendant");
    else this.element.setAttribute("aria-activedescendant", `run-row-${this.#cursor}`);
  }

  /** Times go by. */
  showAges() {
    for (const row of this.#rows.values()) row.show(row.run);
    this.show();
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    const row = target instanceof Element ? target.closest("[data-run]") : null;
    if (row) this.#pointAt(Number(row.getAttribute("data-run")));
    else if (this.#at === null) this.#at = this.#sight[0];
    this.show();
  }

  /** @param {number} run The one that the keys act on from now on */
  #pointAt(run) {
    [this.#at, this.#cursor] = [this.list.placeOf(run), run];
  }

  /**
   * @param {number} run
   * @param {MouseEvent} event
   */
  #clicked(run, event) {
    this.#pointAt(run);
    if (event.shiftKey && this.selection.anchor !== null) this.#selectTo(run);
    else this.selection.toggle(run);
  }

  /**
   * Select everything from the run that was chosen last to this one.
   * @param {number} run
   */
  async #selectTo(run) {
    const from = this.list.placeOf(this.selection.anchor);
    const to = this.list.placeOf(run);
    if (from < 0 || to < 0) this.selection.toggle(run);
    else this.selection.add(await this.list.between(from, to));
  }

  /**
   * Do what a key asks for; true when it asked for something.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const { key } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return false;
    const onControl = event.target instanceof HTMLElement && event.target.matches("button, a, input");
    if (key in MOVES) this.#move(MOVES[key], event.shiftKey);
    else if (this.#cursor === null) return false;
    else if (key === "x" || (key === " " && !onControl)) this.selection.toggle(this.#cursor);
    else if (key === "Enter" && !onControl) go(ofRun(this.#cursor));
    else if (key === "e") this.#rows.get(this.#cursor)?.edit();
    else if (key === "Escape") this.selection.clear();
    else return false;
    event.preventDefault();
    return true;
  }

  /**
   * @param {number} by
   * @param {boolean} isRange
   */
  #move(by, isRange) {
    const { list, selection } = this;
    const last = (list.total ?? 0) - 1;
    if (last < 0) return;
    const known = list.placeOf(this.#cursor);
    const from = known >= 0 ? known : this.#at;
    const place = from === null ? this.#sight[0] : Math.min(last, Math.max(0, from + by));
    this.#reveal(place);
    const run = list.at(place) ?? null;
    if (isRange && this.#cursor !== null && run !== null) {
      if (!selection.has(this.#cursor)) selection.toggle(this.#cursor);
      this.#selectTo(run);
    }
    [this.#at, this.#cursor] = [place, run];
    this.show();
  }

  /**
   * Scroll as little as brings a row into sight.
   * @param {number} place
   */
  #reveal(place) {
    const height = this.#rowHeight();
    const top = this.#body.getBoundingClientRect().top + place * height;
    const above = this.element.getBoundingClientRect().top > 0 ? 0
      : this.#head.getBoundingClientRect().bottom;
    if (top < above) window.scrollBy(0, top - above);
    else if (top + height > window.innerHeight) window.scrollBy(0, top + height - window.innerHeight);
  }
}
