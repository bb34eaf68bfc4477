/** A chart of one step on the page: its caption, its drawing, and the values under the pointer. */

/** @import { Box, Drawing, MomentChart, MomentDrawing, Selection, SeriesRecord } from "../types" */
/** @import { Moments } from "../moments.js" */

import { h, setText, swatch } from "../dom.js";
import { whole } from "../format.js";
import { BESIDE_MENU, MARGIN } from "../geometry.js";
import { clear, draw } from "../plot.js";
import { forget, redraw } from "../redraw.js";
import { momentMenu } from "./panel_menu.js";

/** Pixels of the horizontal axis' title. */
const TITLE = 16;

export class MomentPanel {
  visible = false;
  drawnAt = -Infinity;
  /** @type {Drawing | null} What is in sight, as Plotly was told */
  drawn = null;
  /** @type {number[] | null} The steps of the records that are drawn */
  steps = null;
  #revision = 0;
  #width = 0;
  /** @type {Box} */
  #box = { left: MARGIN.left, top: MARGIN.top, width: 0, height: 0 };
  /** @type {MomentDrawing | null} */
  #drawing = null;
  #canvas = h("div", { class: "canvas", "aria-hidden": "true" });
  #readings = h("span", { class: "readings" });
  #cursor = h("div", { class: "cursor", hidden: true });
  #note = h("div", { class: "note" });
  #what = h("span", { class: "what" });
  #when = h("span", {});

  /**
   * @param {Moments} moments
   * @param {MomentChart} chart
   * @param {{ layer?: string | null, rowHeight: number }} options
   */
  constructor(moments, chart, { layer = null, rowHeight }) {
    this.moments = moments;
    this.chart = chart;
    this.layer = layer;
    this.rowHeight = rowHeight;
    const top = h("div", { class: "topline" }, this.#readings);
    const axis = h("div", { class: "y-title" }, h("span", {}, chart.axis));
    this.axis = axis;
    this.top = top;
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, "aria-label": this.#name,
      "data-chart": chart.id, "data-layer": layer,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => this.#read(null),
      onkeydown: (/** @type {KeyboardEvent} */ event) => moments.deck.key(event),
    }, this.#canvas, top, axis, this.#cursor, this.#note,
      h("div", { class: "across" }, this.#what, this.#when));
    this.plot.style.height = `${rowHeight}px`;
    place(axis, 0, MARGIN.top, 16, rowHeight - MARGIN.top - MARGIN.bottom - TITLE);
    this.element = h("figure", { class: "panel moment" }, h("figcaption", {},
      h(layer ? "h3" : "h2", {}, chart.title), moments.deck.looks.logToggle(chart),
      h("p", { class: "hint" }, chart.hint)),
    h("div", { class: "frame" }, this.plot, momentMenu(this)));
    this.#size.observe(this.plot);
    this.#sight.observe(this.plot);
    moments.panels.push(this);
  }

  /** Layer and title. */
  get title() {
    return `${this.layer ? `${this.layer}, ` : ""}${this.chart.title}`;
  }

  get #name() {
    return `${this.title}.`;
  }

  /** Each line's name with what there is to say of it all. */
  get readings() {
    return this.#drawing?.read(null) ?? [];
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

  draw() {
    if (this.#width === 0) return;
    const { chart, moments, layer, rowHeight } = this;
    moments.refresh();
    const box = { left: MARGIN.left, top: MARGIN.top,
      width: Math.max(40, this.#width - MARGIN.left - MARGIN.right),
      height: rowHeight - MARGIN.top - MARGIN.bottom - TITLE };
    this.#box = box;
    place(this.top, MARGIN.left, 0, box.width - BESIDE_MENU);
    /** @type {Set<number>} */
    const steps = new Set();
    /** @param {Omit<Selection, "statistics">} selection @returns {SeriesRecord | undefined} */
    const record = (selection) => {
      const found = moments.record(selection);
      if (found && found.step !== null) steps.add(found.step);
      return found;
    };
    const { deck } = moments;
    const log = deck.looks.isLog(chart);
    const drawing = chart.draw({ networks: deck.networks, layer, range: deck.range, log,
      skipped: deck.run.watched?.skipped ?? [], growing: deck.growing, loading: false,
      smooth: 0, difference: false, rows: () => undefined }, record, box);
    this.#drawing = drawing;
    this.#revision += 1;
    this.drawn = { cells: [drawing.cell], boxes: [box], width: this.#width, height: rowHeight,
      x: drawing.x, y: drawing.y, log: drawing.log, logX: false, zooms: false };
    draw(this.#canvas, this.drawn, this.#revision);
    this.steps = steps.size > 0 ? [...steps].sort((a, b) => a - b) : null;
    const at = (this.steps ?? []).map(whole).join(" and ");
    setText(this.#when, at && `step ${at}`);
    this.axis.hidden = drawing.y.labels.some((label) => label.length > 5); // numbers before it
    this.#say(drawing);
    this.#read(null);
  }

  /** @param {MomentDrawing} drawing */
  #say({ cell }) {
    const rugs = cell.marks.filter((mark) => mark.kind === "rug");
    place(this.#note, this.#box.left, this.#box.top, this.#box.width, this.#box.height);
    this.#note.style.setProperty("--rugs", String(rugs.length));
    this.#note.replaceChildren(...(cell.note ? [h("p", { class: "empty" }, cell.note)] : []),
      ...(rugs.length ? [h("p", { class: "rugs" }, ...rugs.map(({ arm, text }) => h("span", {},
        swatch(arm), h("span", { class: "name" }, `${this.moments.deck.networks[arm].arm}: `),
        text)))] : []));
  }

  /** @param {PointerEvent} event */
  #point({ clientX }) {
    if (!this.#drawing) return;
    const share = (clientX - this.plot.getBoundingClientRect().left - this.#box.left) /
      this.#box.width;
    const [low, high] = this.#drawing.x.range;
    this.#read(share < 0 || share > 1 ? null : low + share * (high - low));
  }

  /**
   * Say the values at a place of the horizontal axis; null: what there is to say of all.
   * @param {number | null} x
   */
  #read(x) {
    const drawing = this.#drawing;
    if (!drawing) return;
    const readings = drawing.read(x);
    this.#what.classList.toggle("told", x !== null);
    setText(this.#what, x === null ? `${this.chart.across}, ` : drawing.told(x));
    this.#when.hidden = x !== null;
    this.#readings.replaceChildren(...readings.map(({ arm, dash, name, value }) =>
      h("span", { class: "reading" }, swatch(arm, dash), h("span", { class: "name" }, name),
        h("span", { class: "value" }, value))));
    const [low, high] = drawing.x.range;
    this.#cursor.hidden = x === null;
    const left = this.#box.left + (((x ?? low) - low) / (high - low)) * this.#box.width;
    place(this.#cursor, 0, this.#box.top, 1, this.#box.height);
    this.#cursor.style.transform = `translateX(${left}px)`;
    if (x !== null) return;
    const said = readings.map(({ name, value }) => `${name} ${value}`).join("; ");
    this.plot.setAttribute("aria-label", `${this.#name} ${said}; ${this.chart.across}, ${this.#when.textContent}.`);
  }

  close() {
    this.#size.disconnect();
    this.#sight.disconnect();
    forget(this);
    clear(this.#canvas);
  }
}

/**
 * @param {HTMLElement} element
 * @param {number} left
 * @param {number} top
 * @param {number} [width]
 * @param {number} [height]
 */
function place({ style }, left, top, width, height) {
  style.left = `${left}px`;
  style.top = `${top}px`;
  if (width !== undefined) style.width = `${width}px`;
  if (height !== undefined) style.height = `${height}px`;
}
