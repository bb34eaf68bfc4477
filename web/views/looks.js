/**
 * How the charts of a tab are drawn: over steps or something else, smoothed, as differences, with
 * logarithmic axes. What is chosen counts as far as it makes sense of the run.
 */

/** @import { Across, Chart, Look, Network, Rows, RunDetail, Selection } from "../types" */
/** @import { Feed } from "../feed.js" */

import { acrossOf, clockOf, unitsOf } from "../across.js";
import { difference } from "../difference.js";
import { h } from "../dom.js";
import { AS_REMEMBERED, chosenLook, isLog } from "../look.js";
import { keyOf } from "../series.js";

/** @typedef {Pick<Chart, "id" | "log" | "lines" | "rowAxis">} Logged */

export class Looks {
  /** Draw in another way. @type {(change: Partial<Look>) => void} */
  choose = () => {};
  /** @type {Look} What the address says */
  #asked = AS_REMEMBERED;
  /** @type {Across | null} */
  #across = null;
  /** @type {Map<string, Rows | undefined>} */
  #differences = new Map();
  /** @type {[HTMLButtonElement, Logged][]} */
  #toggles = [];

  /**
   * @param {RunDetail} run
   * @param {Feed} feed
   * @param {Network[]} networks Those of one seed
   */
  constructor(run, feed, networks) {
    this.feed = feed;
    this.networks = networks;
    this.run = run;
    this.units = unitsOf(run);
    this.chosen = this.#choose();
  }

  #choose() {
    const { x, logX, smooth, difference: subtracts } = chosenLook(this.#asked);
    return { x: this.units.includes(x) ? x : /** @type {const} */ ("step"), logX, smooth,
      difference: subtracts && this.networks.length > 1 };
  }

  /** What it takes beside what the charts need. @returns {Selection[]} */
  get needs() {
    return this.chosen.x === "seconds" ? [{ ...this.#clock, statistics: ["seconds"] }] : [];
  }

  /** Whose records tell the time. */
  get #clock() {
    return { table: /** @type {const} */ ("network_records"),
      network_id: clockOf(this.networks).id };
  }

  /** The horizontal axis of all charts. @returns {Across} */
  get across() {
    const { x, logX } = this.chosen;
    this.#across ??= acrossOf(x, logX, this.run,
      x === "seconds" ? this.feed.rows(this.#clock) : undefined);
    return this.#across;
  }

  /** @param {Logged} chart */
  isDifference(chart) {
    return chart.lines && this.chosen.difference;
  }

  /** A difference may be below 0, and has no logarithm. @param {Logged} chart */
  isLog(chart) {
    return isLog(this.#asked, chart) && !this.isDifference(chart);
  }

  /**
   * An arm's rows minus those of the reference, which has none itself.
   * @param {Omit<Selection, "statistics">} what
   */
  difference(what) {
    const key = keyOf(what);
    if (this.#differences.has(key)) return this.#differences.get(key);
    const [reference, ...others] = this.networks;
    const network = others.find(({ id }) => id === what.network_id);
    const name = network?.layers.find(({ id }) => id === what.layer_id)?.name;
    const layer = reference.layers.find((one) => one.name === name);
    const arm = this.feed.rows(what);
    const base = network && (layer || !what.layer_id)
      ? this.feed.rows({ ...what, network_id: reference.id, layer_id: layer?.id }) : undefined;
    const found = arm && base ? difference(arm, base) : undefined;
    this.#differences.set(key, found);
    return found;
  }

  /**
   * A button between linear and logarithmic; null where a logarithm makes no sense.
   * @param {Logged} chart
   */
  logToggle(chart) {
    if (chart.log === null) return null;
    const button = h("button", { class: "toggle", type: "button",
      title: chart.rowAxis ? "Logarithmic colours" : "Logarithmic vertical axis",
      onclick: () => this.choose({ log: { [chart.id]: !this.isLog(chart) } }) }, "log");
    this.#toggles.push([button, chart]);
    this.#press();
    return button;
  }

  #press() {
    for (const [button, chart] of this.#toggles) {
      button.setAttribute("aria-pressed", String(this.isLog(chart)));
      button.disabled = this.isDifference(chart);
    }
  }

  /**
   * All that is chosen, and how charts have their vertical axes: what an address must say so that
   * nothing depends on what is remembered.
   * @param {Logged[]} charts
   * @returns {Look}
   */
  explicit(charts) {
    const withLog = charts.filter(({ log }) => log !== null);
    return { ...this.chosen,
      log: Object.fromEntries(withLog.map((chart) => [chart.id, isLog(this.#asked, chart)])) };
  }

  /** The same networks; one may have been frozen. @param {Network[]} networks */
  know(networks) {
    this.networks = networks;
    this.#across = null;
  }

  /** Draw as an address says. @param {Look} asked */
  show(asked) {
    this.#asked = asked;
    this.chosen = this.#choose();
    this.#press();
    this.changed();
  }

  /** Records came. */
  changed() {
    this.#across = null;
    this.#differences.clear();
  }
}
