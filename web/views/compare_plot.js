/** One plot of mean curves: its drawing, and over it the cursor and what is not drawn. */

/** @import { Across, Drawing, Range, Reading, Rows } from "../types" */
/** @import { Look } from "../charts/compare_lines.js" */
/** @import { StepsInSight } from "./steps_in_sight.js" */

import { axisOf, shareAt, stepAt, stepOf } from "../across.js";
import { crossing, marksOf, placeAt } from "../charts/compare_lines.js";
import { h, setText, swatch } from "../dom.js";
import { number, percent, whole } from "../format.js";
import { clear, draw, listen } from "../plot.js";
import { forget, holdWhilePressed, redraw } from "../redraw.js";
import { linearAxis, logAxis, shareAxis } from "../scale.js";
import { within } from "../series.js";
import { store } from "../state.js";
import { valueKeys } from "./value_keys.js";

const MARGIN = { left: 56, right: 22, top: 8, bottom: 26 };
/** Of more lines none are read out: the table has them. */
const READ = 8;

/** @typedef {{ at: number, label: string, rows: Rows, look: Look, full: boolean }} DrawnLine */

/**
 * @typedef {object} Shown What a plot shows.
 * @property {DrawnLine[]} lines
 * @property {[number, number] | null} extent Of the vertical axis, shared by the plots of a chart
 * @property {Range} range The steps in sight
 * @property {number | null} rest The step whose values are said where none is pointed at; null: the
 *   last of each line
 * @property {boolean} logX
 * @property {boolean} log
 * @property {boolean} percent
 * @property {string} note Why nothing is drawn
 */

export class ComparePlot {
  visible = false;
  drawnAt = -Infinity;
  #revision = 0;
  #width = 0;
  #height;
  #listens = false;
  /** @type {Shown | null} */
  #shown = null;
  /** The lines in sight, where they are few enough to be read out. @type {DrawnLine[]} */
  #readable = [];
  /** Why no values are read out. */
  #unread = "";
  #canvas = h("div", { class: "canvas", "aria-hidden": "true" });
  #cursor = h("div", { class: "cursor", hidden: true });
  #note = h("div", { class: "note" }, h("p", { class: "empty" }));
  #at = h("span", { class: "at" });
  #readings = h("ul", { class: "series" });
  #below = h("div", { class: "below", "aria-atomic": "true" }, this.#at, this.#readings);
  #odd = h("p", { class: "hint" });
  #unsubscribe;

  /**
   * @param {StepsInSight} sight
   * @param {string} chart
   * @param {string} name
   * @param {string} title Of this plot among those of its chart; may be empty
   * @param {number} height
   */
  constructor(sight, chart, name, title, height) {
    this.sight = sight;
    this.name = name;
    this.title = title;
    this.#height = height;
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, "data-chart": chart,
      "data-group": title, "aria-label": name,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => store.set({ cursor: null }),
      onpointerdown: holdWhilePressed,
      ...valueKeys(this.#below, { places: () => this.#places, at: () => store.get().cursor,
        read: (cursor) => store.set({ cursor }), otherwise: (event) => sight.key(event) }),
    }, this.#canvas, this.#cursor, this.#note);
    this.plot.style.height = `${height}px`;
    this.element = h("div", { class: "compare-plot" }, title && h("h3", {}, title), this.plot,
      this.#below, this.#odd);
    this.#size.observe(this.plot);
    this.#sight.observe(this.plot);
    this.#unsubscribe = store.subscribe((state, before) => {
      if (state.cursor !== before.cursor && this.visible) this.#read();
    });
  }

  #size = new ResizeObserver(([{ contentRect: { width } }]) => {
    if (width === this.#width || width === 0) return;
    this.#width = width;
    redraw(this, { now: true });
  });
  #sight = new IntersectionObserver(([{ isIntersecting }]) => {
    this.visible = isIntersecting;
    if (isIntersecting) redraw(this);
  }, { rootMargin: "80px" });

  get #box() {
    return { left: MARGIN.left, top: MARGIN.top,
      width: Math.max(40, this.#width - MARGIN.left - MARGIN.right),
      height: this.#height - MARGIN.top - MARGIN.bottom };
  }

  /** @param {Shown} shown */
  show(shown) {
    this.#shown = shown;
    const inSight = shown.lines.filter(({ rows }) => crossing(rows, shown.range).step.length > 0);
    const full = inSight.filter((line) => line.full);
    this.#readable = full.length > READ ? [] : full;
    this.#unread = inSight.length === 0 ? ""
      : `values are read of up to ${READ} lines: choose them in the table`;
    redraw(this, { now: true });
  }

  /** All that it takes to draw what is shown. @returns {Drawing} */
  get drawing() {
    const { lines, extent, range, log, logX, percent: isShare } = /** @type {Shown} */ (this.#shown);
    const box = this.#box;
    const axis = log ? logAxis : isShare ? shareAxis : linearAxis;
    const y = axis(extent, Math.max(2, Math.floor(box.height / 32)));
    const bottom = log ? 10 ** y.range[0] : y.range[0];
    const marks = marksOf(lines, { log, bottom });
    return { cells: [{ marks, note: null }], boxes: [box], width: this.#width,
      height: this.#height, x: axisOf(this.#across, range, box.width), y, log, logX, zooms: true };
  }

  /** The lines that are drawn in full. @returns {Pick<Reading, "arm" | "dash" | "name">[]} */
  get legend() {
    return (this.#shown?.lines ?? []).filter(({ full }) => full)
      .map(({ label, look }) => ({ ...look, name: label }));
  }

  draw() {
    if (this.#width === 0 || !this.#shown) return;
    const { lines, note } = this.#shown;
    this.#revision += 1;
    draw(this.#canvas, this.drawing, this.#revision).then(() => this.#listen());
    for (const [name, value] of Object.entries(this.#box)) {
      this.#note.style[/** @type {"left"} */ (name)] = `${value}px`;
    }
    setText(/** @type {Element} */ (this.#note.firstElementChild), note);
    this.#note.hidden = note === "";
    const odd = lines.filter(({ full }) => full).flatMap(({ label, rows }) => {
      const first = rows.columns.mean.lo.findIndex(Number.isNaN);
      return first < 0 ? [] : [`${label} is NaN from step ${whole(rows.step[first])}`];
    });
    setText(this.#odd, odd.join("; "));
    this.#list();
    this.#read();
  }

  /** @returns {Across} */
  get #across() {
    return { unit: "step", log: this.#shown?.logX ?? false, to: (step) => step, from: (step) => step };
  }

  /** Once something is drawn. */
  #listen() {
    if (this.#listens) return;
    this.#listens = true;
    listen(this.#canvas, {
      onDrag: () => store.set({ cursor: null }),
      onRange: ([first, last]) =>
        this.sight.choose([stepOf(this.#across, first), stepOf(this.#across, last)]),
      onReset: () => this.sight.choose(null),
    });
  }

  #list() {
    const key = JSON.stringify(this.#readable.map(({ label, look }) => [label, look]));
    if (this.#readings.dataset.key === key) return;
    this.#readings.dataset.key = key;
    this.#readings.replaceChildren(...this.#readable.map(({ label, look: { arm, dash } }) =>
      h("li", {}, swatch(arm, dash), h("span", { class: "name" }, label), " ",
        h("span", { class: "value" }))));
  }

  /** Say the values at the cursor, or the last ones in sight. */
  #read() {
    if (!this.#shown) return;
    const { range, rest } = this.#shown;
    const { cursor } = store.get();
    const step = cursor ?? rest;
    const format = this.#shown.percent ? percent : number;
    const values = this.#readable.map(({ rows }) => {
      const at = placeAt(rows, step);
      if (at < 0) return "–";
      const { mean, interval } = rows.columns;
      const [low, high] = [interval.lo[at], interval.hi[at]];
      const ends = Number.isNaN(low) ? "" : ` (${format(low)} to ${format(high)})`;
      return `${format(mean.lo[at])}${ends}`;
    });
    values.forEach((value, at) => {
      const place = this.#readings.children[at]?.querySelector(".value");
      if (place) setText(place, value);
    });
    setText(this.#at, values.length === 0 ? this.#unread : step === null ? "last step"
      : `step ${whole(step)}`);
    const { left, width } = this.#box;
    this.#cursor.hidden = cursor === null || cursor < range[0] || cursor > range[1];
    const share = shareAt(this.#across, range, cursor ?? range[0]);
    this.#cursor.style.transform = `translateX(${left + share * width}px)`;
    if (cursor !== null) return;
    const said = this.#readable.map(({ label }, at) => `${label} ${values[at]}`).join("; ");
    this.plot.setAttribute("aria-label", `${this.name}. ${said || this.#shown.note}`);
  }

  /** @param {PointerEvent} event */
  #point({ clientX, buttons }) {
    if (!this.#shown || buttons > 0) return;
    const { left, width } = this.#box;
    const share = (clientX - this.plot.getBoundingClientRect().left - left) / width;
    const inside = share >= 0 && share <= 1;
    store.set({ cursor: inside ? Math.round(stepAt(this.#across, this.#shown.range, share)) : null });
  }

  /** Those in sight of each line whose values are read out. */
  get #places() {
    return this.#readable.map(({ rows }) => within(rows, /** @type {Shown} */ (this.#shown).range));
  }

  close() {
    this.#unsubscribe();
    this.#size.disconnect();
    this.#sight.disconnect();
    forget(this);
    clear(this.#canvas);
  }
}

/**
 * The plots of one chart as one drawing, where they lie on the page.
 * @param {ComparePlot[]} plots
 * @param {HTMLElement} body What they lie in
 * @returns {{ drawing: Drawing, headings: string[], legend: ComparePlot["legend"] }}
 */
export function abreast(plots, body) {
  const { left, top, width } = body.getBoundingClientRect();
  const all = plots.map(({ plot, drawing }) => {
    const place = plot.getBoundingClientRect();
    const [box] = drawing.boxes;
    return { ...drawing, bottom: place.bottom - top, box: { ...box,
      left: Math.round(box.left + place.left - left), top: box.top + place.top - top } };
  });
  /** @type {Map<string, ComparePlot["legend"][number]>} */
  const legend = new Map(plots.flatMap((plot) => plot.legend)
    .map((one) => [JSON.stringify(one), one]));
  return { headings: plots.map(({ title }) => title), legend: [...legend.values()],
    drawing: { ...all[0], width, height: Math.max(...all.map(({ bottom }) => bottom)),
      boxes: all.map(({ box }) => box), cells: all.flatMap(({ cells }) => cells) } };
}
