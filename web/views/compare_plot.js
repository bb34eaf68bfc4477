/** One plot of mean curves: its drawing, and over it the cursor and what is not drawn. */

/** @import { Drawing, Reading, Rows, ValueAxis } from "../types" */
/** @import { Look } from "../charts/compare_lines.js" */

import { stepTicks } from "../charts/compare_charts.js";
import { marksOf, placeAt } from "../charts/compare_lines.js";
import { h, setText, swatch } from "../dom.js";
import { number, percent, whole } from "../format.js";
import { clear, draw } from "../plot.js";
import { forget, redraw } from "../redraw.js";
import { linearAxis, logAxis, shareAxis, stepAxis } from "../scale.js";
import { store } from "../state.js";

const MARGIN = { left: 56, right: 22, top: 8, bottom: 26 };
/** Of more lines none are read out: the table has them. */
const READ = 8;

/** @typedef {{ at: number, label: string, rows: Rows, look: Look, full: boolean }} DrawnLine */

/**
 * @typedef {object} Shown What a plot shows.
 * @property {DrawnLine[]} lines
 * @property {[number, number] | null} extent Of the vertical axis, shared by the plots of a chart
 * @property {number} last The last step of the horizontal axis
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
  /** @type {Shown | null} */
  #shown = null;
  #canvas = h("div", { class: "canvas", "aria-hidden": "true" });
  #cursor = h("div", { class: "cursor", hidden: true });
  #note = h("div", { class: "note" }, h("p", { class: "empty" }));
  #at = h("span", { class: "at" });
  #readings = h("ul", { class: "series" });
  #odd = h("p", { class: "hint" });
  #unsubscribe;

  /**
   * @param {string} chart
   * @param {string} name
   * @param {string} title Of this plot among those of its chart; may be empty
   * @param {number} height
   */
  constructor(chart, name, title, height) {
    this.name = name;
    this.title = title;
    this.#height = height;
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, "data-chart": chart,
      "data-group": title, "aria-label": name,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => store.set({ cursor: null }),
    }, this.#canvas, this.#cursor, this.#note);
    this.plot.style.height = `${height}px`;
    this.element = h("div", { class: "compare-plot" }, title && h("h3", {}, title), this.plot,
      h("div", { class: "below" }, this.#at, this.#readings), this.#odd);
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
    redraw(this, { now: true });
  }

  /** All that it takes to draw what is shown. @returns {Drawing} */
  get drawing() {
    const { lines, extent, log, logX, percent: isShare } = /** @type {Shown} */ (this.#shown);
    const box = this.#box;
    const axis = log ? logAxis : isShare ? shareAxis : linearAxis;
    const y = axis(extent, Math.max(2, Math.floor(box.height / 32)));
    const bottom = log ? 10 ** y.range[0] : y.range[0];
    const marks = marksOf(lines, { log, bottom });
    return { cells: [{ marks, note: null }], boxes: [box], width: this.#width,
      height: this.#height, x: this.#across(), y, log, logX, zooms: false };
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
    draw(this.#canvas, this.drawing, this.#revision);
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

  /** The axis of steps. @returns {ValueAxis} */
  #across() {
    const { last, logX } = /** @type {Shown} */ (this.#shown);
    if (logX) return { ...logAxis([1, Math.max(2, last)], 6), range: [0, Math.log10(Math.max(2, last))] };
    const axis = stepAxis([0, last], this.#box.width);
    const values = stepTicks(axis);
    return { range: axis.range, values, labels: values.map(whole) };
  }

  get #readable() {
    const full = this.#shown?.lines.filter((line) => line.full && line.rows.step.length) ?? [];
    return full.length > READ ? [] : full;
  }

  /** Why no values are read out. */
  get #unread() {
    const isEmpty = this.#shown?.lines.every(({ rows }) => rows.step.length === 0);
    return isEmpty ? "" : `values are read of up to ${READ} lines: choose them in the table`;
  }

  #list() {
    const key = JSON.stringify(this.#readable.map(({ label, look }) => [label, look]));
    if (this.#readings.dataset.key === key) return;
    this.#readings.dataset.key = key;
    this.#readings.replaceChildren(...this.#readable.map(({ label, look: { arm, dash } }) =>
      h("li", {}, swatch(arm, dash), h("span", { class: "name" }, label), " ",
        h("span", { class: "value" }))));
  }

  /** Say the values at the cursor, or the last ones. */
  #read() {
    if (!this.#shown) return;
    const { cursor } = store.get();
    const format = this.#shown.percent ? percent : number;
    const values = this.#readable.map(({ rows }) => {
      const at = placeAt(rows, cursor);
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
    setText(this.#at, values.length === 0 ? this.#unread : cursor === null ? "last step"
      : `step ${whole(cursor)}`);
    const { range: [low, high] } = this.#across();
    const place = this.#shown.logX ? Math.log10(Math.max(1, cursor ?? 1)) : cursor ?? 0;
    const { left, width } = this.#box;
    this.#cursor.hidden = cursor === null || place > high;
    this.#cursor.style.transform = `translateX(${left + ((place - low) / (high - low)) * width}px)`;
    if (cursor !== null) return;
    const said = this.#readable.map(({ label }, at) => `${label} ${values[at]}`).join("; ");
    this.plot.setAttribute("aria-label", `${this.name}. ${said || this.#shown.note}`);
  }

  /** @param {PointerEvent} event */
  #point({ clientX }) {
    if (!this.#shown) return;
    const { left, width } = this.#box;
    const share = (clientX - this.plot.getBoundingClientRect().left - left) / width;
    const { range: [low, high] } = this.#across();
    const value = low + share * (high - low);
    const inside = share >= 0 && share <= 1;
    store.set({ cursor: inside ? Math.round(this.#shown.logX ? 10 ** value : value) : null });
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
