/** The table of runs: only rows in sight are elements, however many runs there are. */

/** @import { Column } from "./run_cells.js" */
/** @import { Row, RunList } from "../run_list.js" */
/** @import { Selection } from "../selection.js" */

import { h, setText } from "../dom.js";
import { go, ofRun, ofSweep } from "../location.js";
import { keyOfRun, keyOfSweep } from "../run_list.js";
import { store } from "../state.js";
import { RunRow } from "./run_row.js";
import { SweepRow } from "./sweep_row.js";

/** Rows above and below the window that are elements all the same. */
const BEYOND = 6;
/** The two columns that are always there. */
const NUMBER = { name: "id", title: "#", sort: "run", falls: true };
const NAME = { name: "name", title: "run", sort: "name", falls: false, share: 20 };
/** @param {Column} column It stands before the name. */
const isFirst = ({ name }) => name === "status";
const KEYS = "j k: Next and previous run, with Shift select; x: Select the run; " +
  "Enter: Open the run or the sweep; Right Left: Show and hide the runs of a sweep; e: Edit the run’s name, tags and note; Escape: Clear the selection";
/** @type {Record<string, number>} Keys that move by so many rows. */
const MOVES = { j: 1, J: 1, ArrowDown: 1, k: -1, K: -1, ArrowUp: -1, PageDown: 10, PageUp: -10,
  Home: -Infinity, End: Infinity };

export class RunsTable {
  /** @type {Map<string, RunRow | SweepRow>} */
  #rows = new Map();
  #body = h("div", { class: "runs", role: "rowgroup" });
  #head = h("div", { class: "heads", role: "rowgroup" });
  /** @type {{ key: string | null, element: HTMLElement, arrow: HTMLElement }[]} */
  #heads = [];
  /** @type {string | null} The row that the keys act on. */
  #cursor = null;
  /** @type {number | null} Its place, which tells the row that comes when none is there yet. */
  #at = null;
  /** @type {[number, number]} The first and the last place in sight. */
  #sight = [0, 0];
  #frame = 0;
  #closing = new AbortController();

  /**
   * @param {RunList} list
   * @param {Selection} selection
   * @param {(sort: string) => void} onSort
   * @param {(open: number[]) => void} onOpen Of which sweeps the runs are to be shown
   */
  constructor(list, selection, onSort, onOpen) {
    this.list = list;
    this.selection = selection;
    this.onSort = onSort;
    this.onOpen = onOpen;
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
    this.element.setAttribute("role", list.folded > 0 ? "treegrid" : "grid");
    this.element.setAttribute("aria-rowcount", String(total + 1));
    const top = -this.#body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / height) - BEYOND);
    const last = Math.min(total - 1, Math.ceil((top + window.innerHeight) / height) + BEYOND);
    this.#sight = [Math.min(first, Math.max(0, total - 1)), Math.max(0, last)];
    if (total > 0 && last >= first) list.need(first, last);
    /** @type {[number, Row][]} */
    const wanted = [];
    for (let place = first; place <= last; place += 1) {
      const row = list.at(place);
      if (row) wanted.push([place, row]);
    }
    if (this.#at !== null) this.#cursor ??= list.at(this.#at)?.key ?? null;
    const kept = new Set(wanted.map(([, { key }]) => key));
    for (const [key, row] of this.#rows) {
      if (kept.has(key) || row.isEdited) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let at = 0;
    for (const [place, row] of wanted) at += this.#showRow(place, row, at, height);
    this.#mark();
    const { runs } = store.get();
    const inSight = wanted.flatMap(([, { run }]) => runs.get(run ?? -1) ?? []);
    for (const beside of new Set(this.columns.flatMap((column) => column.beside ?? []))) {
      beside.need(inSight, (run) => this.#told(run));
    }
  }

  /**
   * Show a row; returns how many elements that are.
   * @param {number} place
   * @param {Row} what
   * @param {number} at Its place among the elements
   * @param {number} height
   */
  #showRow(place, what, at, height) {
    const row = what.sweep ? this.#sweepRow(what) : this.#runRow(what);
    if (!row) return 0;
    if (this.list.folded === 0) row.element.removeAttribute("aria-level"); // only trees have levels
    else row.element.setAttribute("aria-level", what.within === null ? "1" : "2");
    row.element.classList.toggle("within", what.within !== null);
    row.element.style.transform = `translateY(${place * height}px)`;
    row.element.setAttribute("aria-rowindex", String(place + 2));
    const there = this.#body.children[at];
    if (there !== row.element) this.#body.insertBefore(row.element, there ?? null);
    return 1;
  }

  /** @param {number} run Of which more is known now than its row says */
  #told(run) {
    const row = this.#rows.get(keyOfRun(run));
    if (row instanceof RunRow) row.show(row.run);
    this.show();
  }

  /** @param {Row} what A run; its row, or null where the run is not known */
  #runRow({ key, run: id }) {
    const run = store.get().runs.get(id ?? -1);
    if (!run) return null;
    const known = this.#rows.get(key);
    if (known instanceof RunRow) {
      if (known.run !== run) known.show(run);
      return known;
    }
    const row = new RunRow(run, this.columns, (event) => this.#clicked(key, event));
    this.#rows.set(key, row);
    return row;
  }

  /** @param {Row} what A sweep */
  #sweepRow({ key, sweep: fold }) {
    if (!fold) return null;
    const { id } = fold.sweep;
    const isOpen = this.list.open.includes(id);
    let row = this.#rows.get(key);
    if (!(row instanceof SweepRow)) {
      row = new SweepRow(fold, this.columns, (event) => this.#clicked(key, event), () => this.#unfold(id));
      this.#rows.set(key, row);
    } else if (row.fold !== fold) row.show(fold);
    row.unfold(isOpen);
    return row;
  }

  /**
   * Show the runs of a sweep below its row, or hide them.
   * @param {number} sweep
   * @param {boolean} [isOpen] Rather than the other of what it is
   */
  #unfold(sweep, isOpen = !this.list.open.includes(sweep)) {
    const others = this.list.open.filter((one) => one !== sweep);
    this.onOpen(isOpen ? [...others, sweep] : others);
  }

  #rowHeight() {
    return parseFloat(getComputedStyle(this.element).getPropertyValue("--row-height"));
  }

  /** Show which rows are selected, and on which the keys act. */
  #mark() {
    for (const [key, row] of this.#rows) {
      const { selection } = this;
      const isCurrent = key === this.#cursor;
      if (row instanceof RunRow) row.mark(selection.hasAll([row.run.id]), isCurrent);
      else row.mark(selection.hasAll(row.fold.runs), selection.hasSome(row.fold.runs), isCurrent);
    }
    const current = this.#rows.get(this.#cursor ?? "");
    if (current) this.element.setAttribute("aria-activedescendant", current.element.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  /** Times go by. */
  showAges() {
    for (const row of this.#rows.values()) {
      if (row instanceof RunRow) row.show(row.run);
      else row.show(row.fold);
    }
    this.show();
  }

  /** @param {EventTarget | null} target */
  #focused(target) {
    const row = [...this.#rows].find(([, { element }]) =>
      target instanceof Node && element.contains(target));
    if (row) this.#pointAt(row[0]);
    else if (this.#at === null) this.#at = this.#sight[0];
    this.show();
  }

  /** @param {string} key Of the row that the keys act on from now on */
  #pointAt(key) {
    [this.#at, this.#cursor] = [this.list.placeOf(key), key];
  }

  /** @param {string} key */
  #toggle(key) {
    this.selection.toggle(this.list.at(this.list.placeOf(key))?.runs ?? [], key);
  }

  /**
   * @param {string} key
   * @param {MouseEvent} event
   */
  #clicked(key, event) {
    this.#pointAt(key);
    if (event.shiftKey && this.selection.anchor !== null) this.#selectTo(key);
    else this.#toggle(key);
  }

  /**
   * Select everything from the row that was chosen last to this one.
   * @param {string} key
   */
  async #selectTo(key) {
    const from = this.list.placeOf(this.selection.anchor);
    const to = this.list.placeOf(key);
    if (from < 0 || to < 0) this.#toggle(key);
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
    else if (key === "x" || (key === " " && !onControl)) this.#toggle(this.#cursor);
    else if (key === "Enter" && !onControl) this.#goTo(this.#cursor);
    else if (key === "ArrowRight" || key === "ArrowLeft") this.#across(key === "ArrowRight");
    else if (key === "e") this.#rows.get(this.#cursor)?.edit();
    else if (key === "Escape") this.selection.clear();
    else return false;
    event.preventDefault();
    return true;
  }

  /** @param {string} key Of the row whose page is opened */
  #goTo(key) {
    const row = this.list.at(this.list.placeOf(key));
    if (row?.sweep) go(ofSweep(row.sweep.sweep.id));
    else if (row?.run) go(ofRun(row.run));
  }

  /**
   * Show the runs of the sweep that the keys act on, or hide them; from one of them go back to it.
   * @param {boolean} isRight
   */
  #across(isRight) {
    const row = this.list.at(this.list.placeOf(this.#cursor));
    if (row?.sweep) this.#unfold(row.sweep.sweep.id, isRight);
    else if (row?.within && !isRight) this.#step(this.list.placeOf(keyOfSweep(row.within)));
  }

  /** @param {number} place Of the row that the keys act on from now on */
  #step(place) {
    if (place < 0) return;
    this.#reveal(place);
    [this.#at, this.#cursor] = [place, this.list.at(place)?.key ?? null];
    this.show();
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
    const before = this.#cursor;
    this.#step(place);
    if (isRange && before !== null && this.#cursor !== null) {
      if (!selection.hasAll(list.at(known)?.runs ?? [])) this.#toggle(before);
      this.#selectTo(this.#cursor);
    }
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
