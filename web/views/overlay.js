/** What lies over a drawing: readings above it, its title beside it, cursor, marker and notes. */

/** @import { Box, Cell, Chart, Network, Reading, View } from "../types" */

import { h, setText, swatch, swatchClass } from "../dom.js";
import { BESIDE_MENU, MARGIN } from "../geometry.js";

export class Overlay {
  #readings = h("span", { class: "readings" });
  #top = h("div", { class: "topline" }, this.#readings);
  #title = h("span", {});
  #axis = h("div", { class: "y-title" }, this.#title);
  #cursor = h("div", { class: "cursor", hidden: true });
  #marker = h("div", { class: "marker", hidden: true });
  #note = h("div", { class: "note" });
  /** @type {Box} */
  #box = { left: 0, top: 0, width: 0, height: 0 };

  /** @param {HTMLElement} parent The element of the drawing */
  constructor(parent) {
    parent.append(this.#top, this.#axis, this.#marker, this.#cursor, this.#note);
  }

  /** Put everything around a plot area. @param {Box} box */
  arrange(box) {
    this.#box = box;
    position(this.#top, box.left, box.top - MARGIN.top, box.width - BESIDE_MENU);
    position(this.#axis, 0, box.top, 16, box.height);
    position(this.#note, box.left, box.top, box.width, box.height);
    position(this.#cursor, 0, box.top, 1, box.height);
    position(this.#marker, 0, box.top, 1, box.height);
  }

  /** The title of the vertical axis; null where it has no room. @param {string | null} title */
  entitle(title) {
    this.#axis.hidden = title === null;
    setText(this.#title, title ?? "");
  }

  /**
   * Say what the drawing cannot show: why it is empty, and where values are no numbers.
   * @param {Cell} cell
   * @param {Network[]} networks
   */
  say(cell, networks) {
    const rugs = cell.marks.filter((mark) => mark.kind === "rug");
    this.#note.style.setProperty("--rugs", String(rugs.length));
    this.#note.replaceChildren(...(cell.note ? [h("p", { class: "empty" }, cell.note)] : []),
      ...(rugs.length ? [h("p", { class: "rugs" },
        ...rugs.map(({ arm, text }) => h("span", {}, swatch(arm),
          h("span", { class: "name" }, `${networks[arm].arm}: `), text)))] : []));
  }

  /** @param {Reading[]} readings */
  read(readings) {
    fill(this.#readings, readings.length);
    readings.forEach(({ arm, dash, name, value }, index) => {
      const [mark, label, number] = this.#readings.children[index].children;
      mark.className = swatchClass(arm, dash);
      setText(label, name);
      setText(number, value);
    });
  }

  /**
   * Where the cursor and the scrubbed step are, as shares of the width; null hides them.
   * @param {{ cursor: number | null, marker: number | null }} at
   */
  point({ cursor, marker }) {
    for (const [line, share] of /** @type {const} */ ([
      [this.#cursor, cursor], [this.#marker, marker]])) {
      line.hidden = share === null;
      const x = this.#box.left + (share ?? 0) * this.#box.width;
      line.style.transform = `translateX(${x}px)`;
    }
  }
}

/**
 * The title of the vertical axis.
 * @param {Chart} chart
 * @param {View} view
 */
export const axisTitle = ({ axis }, { difference }) => difference ? `Δ ${axis}` : axis;

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
