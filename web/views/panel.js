/** A chart on the page: its caption, its drawing, and what the pointer and keys do with it. */

/** @import { Box, Chart, Drawing, View } from "../types" */
/** @import { Deck } from "./deck.js" */

import { axisOf, converted, shareAt, stepAt, stepOf, words } from "../across.js";
import { h, setText } from "../dom.js";
import { steps, whole } from "../format.js";
import { MARGIN, place } from "../geometry.js";
import { clear, draw, listen } from "../plot.js";
import { forget, holdWhilePressed, redraw } from "../redraw.js";
import { linearAxis, logAxis, shareAxis } from "../scale.js";
import { store } from "../state.js";
import { union } from "../traces.js";
import { chartMenu, nameMenu } from "./panel_menu.js";
import { axisTitle, Overlay } from "./overlay.js";

/** Characters of a tick's label beside which the axis title has room. */
const LONGEST_LABEL = 5;
/** Pixels of a character of a label, about. */
const CHARACTER = 7;
/** Where the title of the horizontal axis ends, in pixels; a longer one goes on. */
const TITLE_END = 44;
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
    this.across = h("span", { class: "x-title" }, "step");
    this.plot = h("div", {
      class: "plot", role: "img", tabindex: 0, "aria-label": `${this.title}.`,
      "data-chart": chart.id, "data-layer": layer,
      onkeydown: (/** @type {KeyboardEvent} */ event) => deck.key(event),
      onpointermove: (/** @type {PointerEvent} */ event) => this.#point(event),
      onpointerleave: () => store.set({ cursor: null }),
      onpointerdown: (/** @type {PointerEvent} */ event) => this.#press(event),
      onclick: (/** @type {MouseEvent} */ event) => this.#click(event),
    }, this.canvas, this.step, this.across);
    this.plot.style.height = `${rowHeight}px`; // until its width says how many rows it takes
    this.menu = chartMenu(this);
    this.element = h("figure", { class: "panel" }, this.#caption(),
      h("div", { class: "frame" }, this.plot, this.menu));
    observers.size.observe(this.plot);
    observers.sight.observe(this.plot);
    owners.set(this.plot, this);
  }

  /** Layer and title. */
  get title() {
    return `${this.layer ? `${this.layer}, ` : ""}${this.chart.title}`;
  }

  #caption() {
    const { title, hint } = this.chart;
    return h("figcaption", {}, h(this.layer ? "h3" : "h2", {}, title),
      this.deck.looks.logToggle(this.chart),
      h("p", { class: "hint" }, hint));
  }

  /** Show another layer. @param {string} layer */
  turn(layer) {
    this.layer = layer;
    this.plot.dataset.layer = layer;
    nameMenu(this);
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
    while (this.#overlays.length < boxes.length) this.#overlays.push(new Overlay(this.plot));
    boxes.forEach((box, at) => this.#overlays[at].arrange(box));
  }

  draw() {
    if (this.#width === 0) return;
    const { chart, deck } = this;
    const view = deck.view(chart, this.layer);
    const drawing = this.drawing(view);
    const { boxes, cells } = drawing;
    for (const [at, overlay] of this.#overlays.entries()) {
      const isLong = drawing.y.labels.some((label) => label.length > LONGEST_LABEL);
      const hasRoom = !isLong && boxes[at]?.left === boxes[0].left; // numbers before their title
      overlay.entitle(hasRoom ? axisTitle(chart, view) : null);
    }
    setText(this.across, deck.looks.across.unit);
    const end = Math.max(TITLE_END, CHARACTER * deck.looks.across.unit.length);
    this.across.hidden = firstLabelAt(drawing) < end;
    this.#revision += 1;
    draw(this.canvas, drawing, this.#revision).then(() => this.#listen());
    cells.forEach((cell, at) => this.#overlays[at].say(cell, deck.networks));
    this.read(store.get().cursor);
  }

  /**
   * All that it takes to draw.
   * @param {View} view
   * @returns {Drawing}
   */
  drawing(view) {
    const { chart, deck: { looks: { across }, range } } = this;
    const cells = chart.draw(view);
    const extent = this.deck.extent(chart, this.layer);
    if (this.#boxes.length !== cells.length) this.#arrange();
    const boxes = this.#boxes;
    const ticks = Math.max(2, Math.round(boxes[0].height / 32));
    const axis = view.log ? logAxis : chart.percent ? shareAxis : linearAxis;
    return {
      cells: cells.map(({ marks, note }) =>
        ({ note, marks: marks.map((mark) => converted(across, mark)) })),
      boxes, width: this.#width, height: this.#height, log: view.log && !chart.rowAxis,
      logX: across.log, zooms: true,
      x: axisOf(across, range, boxes[0].width),
      y: chart.rowAxis?.(view, Math.floor(boxes[0].height / 14)) ??
        axis(view.difference ? union([extent, [0, 0]]) : extent, ticks),
    };
  }

  #listen() {
    if (this.#listens) return;
    this.#listens = true;
    listen(this.canvas, {
      onDrag: () => store.set({ cursor: null }),
      onRange: ([first, last]) => {
        const { across } = this.deck.looks;
        this.deck.choose([stepOf(across, first), stepOf(across, last)]);
      },
      onReset: () => this.deck.choose(null),
    });
  }

  /**
   * Show the values at a step: the one under the pointer, else the scrubbed one, else the latest
   * in sight.
   * @param {number | null} cursor
   */
  read(cursor) {
    const { chart, deck } = this;
    const { range, range: [first, last], looks: { across } } = deck;
    /** @param {number | null} step */
    const inside = (step) => step !== null && step >= first && step <= last ? step : null;
    const pointed = inside(cursor);
    const scrubbed = inside(deck.step);
    const view = deck.view(chart, this.layer);
    const cells = chart.read(view, pointed ?? scrubbed ?? last);
    /** @param {number | null} step */
    const share = (step) => step === null ? null : shareAt(across, range, step);
    cells.forEach((readings, at) => {
      this.#overlays[at]?.read(readings);
      this.#overlays[at]?.point({ cursor: share(pointed), marker: share(scrubbed) });
    });
    const said = cells.flat().map(({ name, value }) => `${name} ${value}`).join("; ");
    const label = `${this.title}. ${said} at step ${scrubbed ?? last}.`;
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
    const also = words(this.deck.looks.across, step);
    setText(this.step, this.deck.stepsAt(this.chart, this.layer, step, steps) + (also && ` · ${also}`));
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
    const { looks: { across }, range, latest } = this.deck;
    const step = Math.round(stepAt(across, range, (x - box.left) / box.width));
    return { box, bounds, x, step: Math.max(0, Math.min(latest, step)) };
  }

  /** @param {PointerEvent} event */
  #press({ clientX, clientY }) {
    this.#pressed = { x: clientX, y: clientY };
    holdWhilePressed();
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

/** Where the first label of the horizontal axis begins, in pixels. @param {Drawing} drawing */
function firstLabelAt({ x, logX, boxes: [box] }) {
  const [first, last] = x.range;
  const value = "tick" in x ? Math.ceil(first / x.tick) * x.tick : x.values[0] ?? 1;
  const label = "tick" in x ? whole(value) : x.labels[0] ?? "";
  const share = ((logX ? Math.log10(value) : value) - first) / (last - first);
  return box.left + share * box.width - (label.length * CHARACTER) / 2;
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
