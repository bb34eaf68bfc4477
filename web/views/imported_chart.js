/** The chart of one imported quantity, which is asked for when it comes into sight. */

/** @import { Measured, Quantity, Run } from "../types" */
/** @import { Content } from "./point_chart.js" */

import { getMeasured } from "../asking/records.js";
import { ServerError } from "../asking/request.js";
import { bucketExtent, bucketLine, bucketMarks, bucketsWords, bucketWords } from "../buckets.js";
import { h } from "../dom.js";
import { number, whole } from "../format.js";
import { format, ofRun } from "../location.js";
import { AS_REMEMBERED } from "../look.js";
import { linearAxis, logAxis } from "../scale.js";
import { PointChart } from "./point_chart.js";
import { contentOf, sourceOf } from "./quantity_chart.js";

/** @typedef {Map<string, Measured>} Answers By quantity; kept while the page is there. */

export class ImportedChart {
  #problem = "";
  /** Whether the server will say the same again. */
  #isRefused = false;
  #isAsking = false;
  #closing = new AbortController();
  #chart;

  #toggle = h("button", { class: "toggle", type: "button", title: "Logarithmic vertical axis",
    "aria-pressed": "false", onclick: () => this.chooseLog(!this.quantity.log_y) }, "log");

  /**
   * @param {Run} run
   * @param {Quantity} quantity
   * @param {Answers} answers What is known already, and where answers go
   * @param {(log: boolean) => void} chooseLog Have the vertical axis so from now on
   */
  constructor(run, quantity, answers, chooseLog) {
    this.run = run;
    this.quantity = quantity;
    this.answers = answers;
    this.chooseLog = chooseLog;
    this.#chart = new PointChart({ id: quantity.name, title: quantity.title,
      unit: quantity.unit || "value", across: quantity.x, shows: quantity.shows,
      toggle: this.#toggle, source: () => this.#source() }, () => this.#content());
    this.element = this.#chart.element;
  }

  #source() {
    const { run, quantity: { name, log_y: log } } = this;
    return { ...sourceOf(run, this.quantity), address: window.location.origin + format({
      ...ofRun(run.id), chart: name, look: { ...AS_REMEMBERED, log: { [name]: log } } }) };
  }

  /** @returns {Content} */
  #content() {
    const { answers, quantity } = this;
    const answer = answers.get(quantity.name);
    if (!answer) this.#ask();
    if (!answer?.buckets.length) {
      const content = contentOf(quantity, answer?.measurements ?? [], false);
      return answer ? content : { ...content, empty: this.#problem || "loading" };
    }
    return bucketContent(answer, quantity);
  }

  async #ask() {
    if (this.#isAsking || this.#problem) return;
    this.#isAsking = true;
    try {
      this.answers.set(this.quantity.name,
        await getMeasured(this.run.id, this.quantity.name, this.#closing.signal));
    } catch (error) {
      this.#problem = /** @type {Error} */ (error).message;
      this.#isRefused = error instanceof ServerError && error.status >= 400 && error.status < 500;
    }
    this.#isAsking = false;
    if (!this.#closing.signal.aborted) this.#chart.show();
  }

  /** @param {boolean} log Whether the vertical axis is logarithmic */
  show(log) {
    if (log === this.quantity.log_y) return;
    this.quantity = { ...this.quantity, log_y: log };
    this.#toggle.setAttribute("aria-pressed", String(log));
    this.#chart.show();
  }

  /** Ask again for what could not be had, unless it was refused. */
  retry() {
    if (!this.#problem || this.#isRefused) return;
    this.#problem = "";
    this.#chart.show();
  }

  /** Bring it into sight. @param {HTMLElement} page What changes its height */
  anchor(page) {
    this.#chart.anchor(page);
  }

  close() {
    this.#closing.abort();
    this.#chart.close();
  }
}

/**
 * @param {Measured} answer Of which there are buckets
 * @param {Quantity} quantity
 * @returns {Content}
 */
function bucketContent(answer, { x: across, log_y: log }) {
  const width = Number(answer.width);
  const lines = answer.buckets.map((buckets) => bucketLine(buckets, width));
  const extents = bucketExtent(lines, log);
  /** @param {number} x */
  const said = (x) => Number.isInteger(x) ? whole(x) : number(x);
  return {
    lines: lines.map((line, arm) => ({ name: line.name, x: line.begin,
      said: (at) => bucketWords(line, at), marks: bucketMarks(line, arm, log) })),
    log: { x: false, y: log },
    axes: ({ across: ticks, up }) => ({ x: linearAxis(extents.x, ticks),
      y: (log ? logAxis : linearAxis)(extents.y, up) }),
    where: (x) => `${x === null ? "last stretch"
      : `from ${said(x)} to below ${said(x + width)}`}, lowest to highest`,
    empty: "nothing of it can be drawn",
    odd: bucketsWords(answer, lines, across, log),
  };
}
