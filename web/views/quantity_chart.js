/** The chart of one quantity that a study measures: a line for each series, a dot for each seed. */

/** @import { Mark, Measurement, Quantity, ValueAxis } from "../types" */
/** @import { Line } from "../quantity.js" */

import * as api from "../api.js";
import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { number, whole } from "../format.js";
import { clear, draw } from "../plot.js";
import { extentOf, linesOf, nearestX, oddWords } from "../quantity.js";
import { forget, redraw } from "../redraw.js";
import { linearAxis, logAxis } from "../scale.js";

const HEIGHT = 260;
const MARGIN = { left: 56, right: 22, top: 8, bottom: 26 };
/** Pixels that a tick of the horizontal axis takes. */
const SPACING = 80;
/** Longer lines have no marks but where a point stands alone, and are thin. */
const MARKED = 200;

export class QuantityChart {
  visible = false;
  drawnAt = -Infinity;
  #revision = 0;
  #width = 0;
  /** @type {Measurement[]} */
  #measurements = [];
  /** @type {Line[]} */
  #lines = [];
  /** @type {ValueAxis} */
  #across = linearAxis(null);
  #canvas = h("div", { class: "canvas", "aria-hidden": "true" });
  #cursor = h("div", { class: "cursor", hidden: true });
  #note = h("div", { class: "note" });
  #legend = h("ul", { class: "series" });
  #at = h("span", { class: "at" });
  #odd = h("p", { class: "hint", role: "status" });

  /**
   * @param {number} run
   * @param {Quantity} quantity
   * @param {string | null} csv Where its measurements are; null: nowhere
   */
  constructor(run, quantity, csv = api.measurementsUrl(run, quantity.name)) {
    this.quantity = quantity;
    this.#note.append(h("p", { class: "empty" }, "waiting for the first measurements"));
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, "data-quantity": quantity.name,
      "aria-label": quantity.title,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => this.#read(null),
    }, this.#canvas, this.#cursor, this.#note);
    this.plot.style.height = `${HEIGHT}px`;
    this.element = h("figure", { class: "panel quantity" },
      h("figcaption", {}, h("h2", {}, quantity.title),
        csv && h("a", { href: csv, download: true, class: "hint",
          title: "The measurements of this chart" }, "CSV"),
        h("p", { class: "hint" }, quantity.shows)),
      h("p", { class: "unit" }, quantity.unit || "value"), this.plot,
      h("p", { class: "unit across" }, quantity.x), h("div", { class: "below" }, this.#at, this.#legend),
      this.#odd);
    this.#size.observe(this.plot);
    this.#sight.observe(this.plot);
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

  /**
   * @param {Measurement[]} measurements Of this quantity, all that there are
   * @param {boolean} growing Whether more may come
   */
  show(measurements, growing) {
    this.#measurements = measurements;
    setText(/** @type {Element} */ (this.#note.firstElementChild), growing
      ? "waiting for the first measurements" : "nothing was measured");
    redraw(this);
  }

  get #log() {
    return { x: this.quantity.log_x, y: this.quantity.log_y };
  }

  draw() {
    if (this.#width === 0) return;
    const log = this.#log;
    this.#lines = linesOf(this.#measurements, log);
    const shown = this.#lines.filter(({ dots }) => dots.y.length > 0);
    this.#note.hidden = shown.length > 0;
    setText(this.#odd, oddWords(this.#measurements, log));
    const box = { left: MARGIN.left, top: MARGIN.top,
      width: Math.max(40, this.#width - MARGIN.left - MARGIN.right),
      height: HEIGHT - MARGIN.top - MARGIN.bottom };
    for (const [name, value] of Object.entries(box)) this.#note.style[/** @type {"left"} */ (name)] = `${value}px`;
    this.#across = axis(shown.map(({ dots }) => dots.x), log.x, box.width / SPACING);
    const y = axis(shown.map(({ dots }) => dots.y), log.y, box.height / 32);
    const drawing = { cells: [{ marks: this.#lines.flatMap(marks), note: null }], boxes: [box],
      width: this.#width, height: HEIGHT, x: this.#across, y, log: log.y, logX: log.x, zooms: false };
    this.#revision += 1;
    draw(this.#canvas, drawing, this.#revision);
    this.#list();
    this.#read(null);
  }

  /** The series, each with its line and room for a value. */
  #list() {
    const names = this.#lines.map(({ name }) => name);
    if (this.#legend.dataset.names === names.join("\n")) return;
    this.#legend.dataset.names = names.join("\n");
    this.#legend.replaceChildren(...names.map((name, at) => h("li", {},
      swatch(at, armDash(at)), h("span", { class: "name" }, name), " ",
      h("span", { class: "value" }))));
  }

  /** @param {PointerEvent} event */
  #point({ clientX }) {
    const left = clientX - this.plot.getBoundingClientRect().left - MARGIN.left;
    const width = this.#width - MARGIN.left - MARGIN.right;
    this.#read(nearestX(this.#lines, left / width, this.#across.range, this.quantity.log_x));
  }

  /**
   * Say the values at an x; null says the last of each series.
   * @param {number | null} x
   */
  #read(x) {
    const { log_x: log, x: title } = this.quantity;
    const values = this.#lines.map(({ x: all, mean }) => {
      const at = x === null ? all.length - 1 : all.indexOf(x);
      return at < 0 ? "–" : number(mean[at]);
    });
    values.forEach((value, at) => {
      const place = this.#legend.children[at]?.querySelector(".value");
      if (place) setText(place, value);
    });
    const where = x === null ? "last point" : `at ${Number.isInteger(x) ? whole(x) : number(x)}`;
    const isMean = this.#lines.some(({ seeds }) => seeds > 1);
    setText(this.#at, this.#lines.length > 0 ? `${where}${isMean ? ", mean of the seeds" : ""}` : "");
    const [low, high] = this.#across.range;
    const share = ((log ? Math.log10(x ?? 1) : x ?? 0) - low) / (high - low);
    const width = this.#width - MARGIN.left - MARGIN.right;
    this.#cursor.hidden = x === null;
    this.#cursor.style.transform = `translateX(${MARGIN.left + share * width}px)`;
    if (x !== null) return;
    const said = this.#lines.map(({ name }, at) => `${name} ${values[at]}`).join("; ");
    this.plot.setAttribute("aria-label",
      `${this.quantity.title}, ${this.quantity.unit}, by ${title}. ${said}.`);
  }

  close() {
    this.#size.disconnect();
    this.#sight.disconnect();
    forget(this);
    clear(this.#canvas);
  }
}

/**
 * With several seeds each is a dot, and the line joins their means.
 * @param {Line} line
 * @param {number} arm
 * @returns {Mark[]}
 */
function marks({ x, mean, dots, seeds }, arm) {
  const long = x.length > MARKED;
  /** @type {Mark} */
  const line = { kind: "line", arm, dash: long ? "solid" : armDash(arm),
    points: seeds === 1 && !long, dense: long, x, y: mean };
  if (seeds > 1) return [{ kind: "dots", arm, faint: true, ...dots }, line];
  return long ? [line, { kind: "dots", arm, faint: false, ...alone(x, mean) }] : [line];
}

/**
 * The points that no line joins.
 * @param {Float64Array} x
 * @param {Float64Array} y
 */
function alone(x, y) {
  const places = [...y.keys()].filter((at) => Number.isFinite(y[at])
    && !Number.isFinite(y[at - 1]) && !Number.isFinite(y[at + 1]));
  return { x: Float64Array.from(places, (at) => x[at]), y: Float64Array.from(places, (at) => y[at]) };
}

/**
 * @param {Float64Array[]} columns
 * @param {boolean} log
 * @param {number} ticks
 */
const axis = (columns, log, ticks) =>
  (log ? logAxis : linearAxis)(extentOf(columns), Math.max(2, Math.floor(ticks)));
