/** A chart on the page: its caption, its drawing, and over it the readout, cursor and notes. */

/** @import { Box, Cell, Chart } from "../types" */
/** @import { Deck } from "./deck.js" */

import { h, setText, swatch, swatchClass } from "../dom.js";
import { steps } from "../format.js";
import { MARGIN, place } from "../geometry.js";
import { clear, draw, listen } from "../plot.js";
import { forget, holdDrawing, redraw } from "../redraw.js";
import { linearAxis, logAxis, shareAxis, stepAxis } from "../scale.js";
import { store } from "../state.js";

/** @typedef {Record<"top" | "axis" | "readings" | "cursor" | "marker" | "note", HTMLElement>} Overlay */

/** Characters of a tick's label beside which the axis title has room. */
const LONGEST_LABEL = 5;
/** Pixels between pressing and letting go, below which it is a click. */
const STILL = 4;

export class Panel {
  visible = false;
  drawnAt = -Infinity;
  #revision = 0;
  #width = 0;
  #height = 0;
  /** @type {Box[]} */
  #boxes = [];
  /** @type {Overlay[]} */
  #overlays = [];
  #listens = false;
  #pressed = { x: 0, y: 0 };

  /**
   * @param {Deck} deck
   * @param {Chart} chart
   * @param {{ layer?: string | null, rowHeight: number }} options
   */
  constructor(deck, chart, { layer = null, rowHeight }) {
    this.deck = deck;
    this.chart = chart;
    this.layer = layer;
    this.rowHeight = rowHeight;
    this.canvas = h("div", { class: "canvas", "aria-hidden": "true" });
    this.step = h("span", { class: "cursor-step", hidden: true });
    this.title = h("span", { class: "x-title" }, "step");
    this.plot = h("div", {
      class: "plot", role: "img", tabindex: 0, "aria-label": this.#name,
      "data-chart": chart.id, "data-layer": layer,
      onkeydown: (/** @type {KeyboardEvent} */ event) => deck.key(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => store.set({ cursor: null }),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.#press(event),
      onclick: (/** @type {MouseEvent} */ event) => this.#click(event),
    }, this.canvas, this.step, this.title);
    this.element = h("figure", { class: "panel" }, this.#caption(), this.plot);
    observers.size.observe(this.plot);
    observers.sight.observe(this.plot);
    owners.set(this.plot, this);
  }

  get #name() {
    return `${this.layer ? `${this.layer}, ` : ""}${this.chart.title}.`;
  }

  #caption() {
    const { title, hint } = this.chart;
    return h("figcaption", {}, h(this.layer ? "h3" : "h2", {}, title),
      this.deck.logToggle(this.chart),
      h("p", { class: "hint" }, hint));
  }

  /** Show another layer. @param {string} layer */
  turn(layer) {
    this.layer = layer;
    this.plot.dataset.layer = layer;
  }

  /** @param {number} width */
  resize(width) {
    if (width === this.#width || width === 0) return;
    this.#width = width;
    this.#arrange();
    redraw(this, { now: true });
  }

  /** Put what lies over the drawing into place; the drawing's height is known before any data. */
  #arrange() {
    const { chart, deck } = this;
    const { boxes, height } = place(this.#width, this.rowHeight, chart.cells(deck));
    this.#boxes = boxes;
    this.#height = height;
    this.plot.style.height = `${height}px`;
    while (this.#overlays.length < boxes.length) this.#overlays.push(this.#overlay());
    boxes.forEach((box, at) => {
      const { top, axis, cursor, marker, note } = this.#overlays[at];
      position(top, box.left, box.top - MARGIN.top, box.width + MARGIN.right);
      position(axis, 0, box.top, 16, box.height);
      position(note, box.left, box.top, box.width, box.height);
      position(cursor, 0, box.top, 1, box.height);
      position(marker, 0, box.top, 1, box.height);
    });
  }

  /** @returns {Overlay} */
  #overlay() {
    const readings = h("span", { class: "readings" });
    const top = h("div", { class: "topline" }, readings);
    const axis = h("div", { class: "y-title" }, h("span", {}, this.chart.axis));
    const cursor = h("div", { class: "cursor", hidden: true });
    const note = h("div", { class: "note" });
    const marker = h("div", { class: "marker", hidden: true });
    this.plot.append(top, axis, marker, cursor, note);
    return { top, axis, readings, cursor, marker, note };
  }

  draw() {
    if (this.#width === 0) return;
    const { chart, deck } = this;
    const view = deck.view(chart, this.layer);
    const cells = chart.draw(view);
    const extent = deck.extent(chart, this.layer);
    if (this.#boxes.length !== cells.length) this.#arrange();
    const boxes = this.#boxes;
    const ticks = Math.max(2, Math.round(boxes[0].height / 32));
    const axis = view.log ? logAxis : chart.percent ? shareAxis : linearAxis;
    const drawing = {
      cells, boxes, width: this.#width, height: this.#height, log: view.log,
      x: stepAxis(deck.range, boxes[0].width), y: axis(extent, ticks),
    };
    for (const [at, { axis: title }] of this.#overlays.entries()) {
      const isLong = drawing.y.labels.some((label) => label.length > LONGEST_LABEL);
      title.hidden = isLong || boxes[at]?.left > boxes[0].left; // numbers before their title
    }
    this.title.hidden = deck.range[0] >= 1000; // its label needs the room
    this.#revision += 1;
    draw(this.canvas, drawing, this.#revision).then(() => this.#listen());
    cells.forEach((cell, at) => this.#say(cell, at));
    this.read(store.get().cursor);
  }

  #listen() {
    if (this.#listens) return;
    this.#listens = true;
    listen(this.canvas, {
      onDrag: () => store.set({ cursor: null }),
      onRange: (range) => this.deck.choose(range),
      onReset: () => this.deck.choose(null),
    });
  }

  /**
   * Say what the drawing cannot show: why it is empty, and where values are no numbers.
   * @param {Cell} cell
   * @param {number} at
   */
  #say(cell, at) {
    const { note } = this.#overlays[at];
    const rugs = cell.marks.filter((mark) => mark.kind === "rug");
    note.style.setProperty("--rugs", String(rugs.length));
    note.replaceChildren(...(cell.note ? [h("p", { class: "empty" }, cell.note)] : []),
      ...(rugs.length ? [h("p", { class: "rugs" },
        ...rugs.map(({ arm, text }) => h("span", {}, swatch(arm),
          h("span", { class: "name" }, `${this.deck.networks[arm].arm}: `), text)))] : []));
  }

  /**
   * Show the values at a step: the one under the pointer, else the scrubbed one, else the latest
   * in sight.
   * @param {number | null} cursor
   */
  read(cursor) {
    const { chart, deck } = this;
    const [first, last] = deck.range;
    /** @param {number | null} step */
    const inside = (step) => step !== null && step >= first && step <= last ? step : null;
    const pointed = inside(cursor);
    const scrubbed = inside(deck.step);
    const view = deck.view(chart, this.layer);
    const cells = chart.read(view, pointed ?? scrubbed ?? last);
    cells.forEach((readings, at) => {
      const overlay = this.#overlays[at];
      const box = this.#boxes[at];
      if (!overlay || !box) return;
      fill(overlay.readings, readings.length);
      readings.forEach(({ arm, dash, name, value }, index) => {
        const [mark, label, number] = overlay.readings.children[index].children;
        mark.className = swatchClass(arm, dash);
        setText(label, name);
        setText(number, value);
      });
      for (const [line, step] of /** @type {const} */ ([
        [overlay.cursor, pointed], [overlay.marker, scrubbed]])) {
        line.hidden = step === null;
        const x = box.left + (((step ?? 0) - first) / Math.max(1, last - first)) * box.width;
        line.style.transform = `translateX(${x}px)`;
      }
    });
    const said = cells.flat().map(({ name, value }) => `${name} ${value}`).join("; ");
    const label = `${this.#name} ${said} at step ${scrubbed ?? last}.`;
    if (pointed === null) this.plot.setAttribute("aria-label", label);
  }

  /**
   * The pointer moves over the chart: the cursor of all charts follows.
   * @param {PointerEvent} event
   */
  #point(event) {
    const found = event.buttons === 0 ? this.#under(event) : null;
    const step = found?.step ?? null;
    if (step !== store.get().cursor) store.set({ cursor: step });
    this.step.hidden = step === null;
    if (found === null || step === null) return;
    const { box, x, bounds } = found;
    setText(this.step, this.deck.stepsAt(this.chart, this.layer, step, steps));
    const half = this.step.offsetWidth / 2;
    const left = Math.max(0, Math.min(bounds.width - 2 * half, x - half));
    this.step.style.transform = `translate(${left}px, ${box.top + box.height + 3}px)`;
  }

  /**
   * The plot area and the step under the pointer; null outside of them.
   * @param {MouseEvent} event
   */
  #under(event) {
    const bounds = this.plot.getBoundingClientRect();
    const [x, y] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const box = this.#boxes.find(({ left, top, width, height }) =>
      x >= left && x <= left + width && y >= top - MARGIN.top && y <= top + height + MARGIN.bottom);
    if (!box) return null;
    const [first, last] = this.deck.range;
    return { box, bounds, x,
      step: Math.round(first + ((x - box.left) / box.width) * (last - first)) };
  }

  /** @param {PointerEvent} event */
  #press({ clientX, clientY }) {
    this.#pressed = { x: clientX, y: clientY };
    hold();
  }

  /** A click, not the end of a drag, scrubs to where it is. @param {MouseEvent} event */
  #click(event) {
    const { x, y } = this.#pressed;
    const moved = Math.hypot(event.clientX - x, event.clientY - y);
    const found = event.detail === 1 && moved < STILL ? this.#under(event) : null;
    if (found) this.deck.scrub(found.step);
  }

  close() {
    observers.size.unobserve(this.plot);
    observers.sight.unobserve(this.plot);
    forget(this);
    clear(this.canvas);
  }
}

/**
 * @param {HTMLElement} element
 * @param {number} left
 * @param {number} top
 * @param {number} width
 * @param {number} [height]
 */
function position({ style }, left, top, width, height) {
  style.left = `${left}px`;
  style.top = `${top}px`;
  style.width = `${width}px`;
  if (height !== undefined) style.height = `${height}px`;
}

/**
 * As many empty readings as are needed; their parts are filled in place.
 * @param {HTMLElement} parent
 * @param {number} count
 */
function fill(parent, count) {
  while (parent.children.length > count) parent.lastElementChild?.remove();
  while (parent.children.length < count) {
    parent.append(h("span", { class: "reading" }, swatch(0), h("span", { class: "name" }),
      h("span", { class: "value" })));
  }
}

/** While the mouse is down nothing is redrawn, so that dragging stays smooth. */
function hold() {
  holdDrawing(true);
  window.addEventListener("pointerup", () => holdDrawing(false), { once: true });
  window.addEventListener("pointercancel", () => holdDrawing(false), { once: true });
}

/** @type {WeakMap<Element, Panel>} */
const owners = new WeakMap();

const observers = {
  size: new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) owners.get(target)?.resize(contentRect.width);
  }),
  sight: new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const panel = owners.get(target);
      if (!panel) continue;
      panel.visible = isIntersecting;
      if (isIntersecting) redraw(panel);
    }
  }, { rootMargin: "80px" }),
};
