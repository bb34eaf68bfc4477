/** A chart of single points and the lines between them, by something other than steps. */

/** @import { Mark, ValueAxis } from "../types" */
/** @import { ChartMenu, PictureFormat } from "./chart_menu.js" */

import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { clear, draw } from "../plot.js";
import { nearestX } from "../quantity.js";
import { forget, redraw } from "../redraw.js";
import { linearAxis } from "../scale.js";
import { anchor } from "./anchor.js";
import { menuButton, savePicture } from "./chart_menu.js";
import { valueKeys } from "./value_keys.js";

const HEIGHT = 260;
const MARGIN = { left: 56, right: 22, top: 8, bottom: 26 };
/** Pixels that a tick takes. */
const SPACING = { across: 80, up: 32 };

/**
 * @typedef {object} PointLine One line of the legend, with what is drawn of it.
 * @property {string} name
 * @property {Float64Array} x Ascending
 * @property {(at: number) => string} said The value at a place of `x`, in words
 * @property {Mark[]} marks
 */

/**
 * @typedef {object} Content What the chart shows now.
 * @property {PointLine[]} lines
 * @property {{ x: boolean, y: boolean }} log Whether each axis is logarithmic
 * @property {(ticks: { across: number, up: number }) => { x: ValueAxis, y: ValueAxis }} axes
 * @property {(x: number | null) => string} where The place of the values, in words; null: the last
 * @property {string} empty Why nothing is drawn, when nothing is
 * @property {string} odd What is not drawn, in words
 */

/**
 * @typedef {object} About
 * @property {string} id Its kind, among the charts of the page
 * @property {string} title
 * @property {string} unit Of the vertical axis
 * @property {string} across Title of the horizontal axis
 * @property {string} shows One line: what to look for
 * @property {string} [within] What sets it apart from other charts of its title
 * @property {() => Source} source Asked when its menu opens
 * @property {HTMLElement} [toggle] Beside its title
 */

/**
 * @typedef {Pick<ChartMenu, "formula" | "csv" | "address"> & Origin} Source Where a chart comes from.
 *
 * @typedef {object} Origin
 * @property {string} of What its picture says that it is of
 * @property {(string | number)[]} file Parts of the picture's name
 */

export class PointChart {
  visible = false;
  drawnAt = -Infinity;
  #revision = 0;
  #width = 0;
  /** @type {Content | null} */
  #shown = null;
  /** @type {ValueAxis} */
  #across = linearAxis(null);
  #canvas = h("div", { class: "canvas", "aria-hidden": "true" });
  #cursor = h("div", { class: "cursor", hidden: true });
  #empty = h("p", { class: "empty" });
  #note = h("div", { class: "note" }, this.#empty);
  #legend = h("ul", { class: "series" });
  #at = h("span", { class: "at" });
  #below = h("div", { class: "below", "aria-atomic": "true" }, this.#at, this.#legend);
  /** @type {number | null} The x whose values are said */
  #x = null;
  #odd = h("p", { class: "hint", role: "status" });

  /**
   * @param {About} about
   * @param {() => Content} content Asked whenever it is drawn
   */
  constructor(about, content) {
    this.about = about;
    this.content = content;
    this.name = [about.title, about.within].filter(Boolean).join(", ");
    this.plot = h("div", { class: "plot", role: "img", tabindex: 0, "data-quantity": about.id,
      "aria-label": this.name,
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => this.#read(null),
      ...valueKeys(this.#below, { at: () => this.#x, read: (x) => this.#read(x),
        places: () => (this.#shown?.lines ?? []).map(({ x }) => ({ step: x })) }),
    }, this.#canvas, this.#cursor, this.#note);
    this.plot.style.height = `${HEIGHT}px`;
    this.element = h("figure", { class: "panel quantity" },
      h("figcaption", {}, h("h2", {}, about.title), about.toggle, menuButton(this.name, () => this.#menu()),
        h("p", { class: "hint" }, about.shows)),
      h("p", { class: "unit" }, about.unit), this.plot,
      h("p", { class: "unit across" }, about.across),
      this.#below, this.#odd);
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

  /** Its content has changed. */
  show() {
    redraw(this);
  }

  draw() {
    if (this.#width === 0) return;
    this.#shown = this.content();
    const { lines, empty, odd } = this.#shown;
    const drawing = this.#drawing(this.#shown);
    const { cells: [{ marks }], boxes: [box], x } = drawing;
    this.#note.hidden = marks.some((mark) => mark.x.length > 0);
    setText(this.#empty, empty);
    setText(this.#odd, odd);
    for (const [name, value] of Object.entries(box)) this.#note.style[/** @type {"left"} */ (name)] = `${value}px`;
    this.#across = x;
    this.#revision += 1;
    draw(this.#canvas, drawing, this.#revision);
    this.#list(lines.map(({ name }) => name));
    this.#read(this.#x);
  }

  /** All that it takes to draw. @param {Content} content */
  #drawing({ lines, log, axes }) {
    const box = { left: MARGIN.left, top: MARGIN.top,
      width: Math.max(40, this.#width - MARGIN.left - MARGIN.right),
      height: HEIGHT - MARGIN.top - MARGIN.bottom };
    return { ...axes({ across: Math.max(2, Math.floor(box.width / SPACING.across)),
      up: Math.max(2, Math.floor(box.height / SPACING.up)) }),
    cells: [{ marks: lines.flatMap(({ marks }) => marks), note: null }], boxes: [box],
    width: this.#width, height: HEIGHT, log: log.y, logX: log.x, zooms: false };
  }

  /** @returns {ChartMenu} */
  #menu() {
    const { title, shows, source } = this.about;
    const { of: origin, file, ...menu } = source();
    return { ...menu, title, shows, save: (format) => this.#save({ of: origin, file }, format) };
  }

  /**
   * @param {Origin} origin
   * @param {PictureFormat} format
   */
  #save({ of: origin, file }, format) {
    const content = this.content();
    const { id, title, unit, across, within } = this.about;
    return savePicture(this.#drawing(content), { title, axis: unit, across,
      subtitle: [origin, within, content.odd].filter(Boolean).join("; "),
      legend: content.lines.map(({ name }, arm) => ({ name, arm, dash: armDash(arm) })) },
    [...file, id], format);
  }

  /** Bring it into sight. @param {HTMLElement} page What changes its height */
  anchor(page) {
    anchor(this.plot, page);
  }

  /** The lines, each as it is drawn and with room for a value. @param {string[]} names */
  #list(names) {
    if (this.#legend.dataset.names === names.join("\n")) return;
    this.#legend.dataset.names = names.join("\n");
    this.#legend.replaceChildren(...names.map((name, at) => h("li", {},
      swatch(at, armDash(at)), h("span", { class: "name" }, name), " ",
      h("span", { class: "value" }))));
  }

  /** @param {PointerEvent} event */
  #point({ clientX }) {
    if (!this.#shown) return;
    const left = clientX - this.plot.getBoundingClientRect().left - MARGIN.left;
    const width = this.#width - MARGIN.left - MARGIN.right;
    const { lines, log } = this.#shown;
    this.#read(nearestX(lines, left / width, this.#across.range, log.x));
  }

  /**
   * Say the values at an x; null says the last of each line.
   * @param {number | null} x
   */
  #read(x) {
    if (!this.#shown) return;
    this.#x = x;
    const { lines, log, where } = this.#shown;
    const values = lines.map(({ x: all, said }) => {
      const at = x === null ? all.length - 1 : all.indexOf(x);
      return at < 0 ? "–" : said(at);
    });
    values.forEach((value, at) => {
      const place = this.#legend.children[at]?.querySelector(".value");
      if (place) setText(place, value);
    });
    setText(this.#at, lines.length > 0 ? where(x) : "");
    const [low, high] = this.#across.range;
    const share = ((log.x ? Math.log10(x ?? 1) : x ?? 0) - low) / (high - low);
    const width = this.#width - MARGIN.left - MARGIN.right;
    this.#cursor.hidden = x === null;
    this.#cursor.style.transform = `translateX(${MARGIN.left + share * width}px)`;
    if (x !== null) return;
    const { unit, across } = this.about;
    const all = lines.map(({ name }, at) => `${name} ${values[at]}`).join("; ");
    this.plot.setAttribute("aria-label", `${this.name}, ${unit}, by ${across}. ${all}.`);
  }

  close() {
    this.#size.disconnect();
    this.#sight.disconnect();
    forget(this);
    clear(this.#canvas);
  }
}
