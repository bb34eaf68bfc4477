/**
 * The records of one run that the page holds: those of the series it looks at, in buckets for the
 * whole run, and in finer ones for the steps it has zoomed to.
 */

/** @import { Findings, Frame, Network, Range, Rows, Selection } from "./types" */

import { getSeries } from "./asking/records.js";
import * as live from "./live.js";
import { append, keyOf, latestStep, refine } from "./series.js";

const REST_POINTS = 2000;
const REFINE_PAUSE = 1000;

export class Feed {
  /** @type {Map<string, Rows>} */
  #whole = new Map();
  /** @type {Map<string, Rows>} */
  #fine = new Map();
  /** @type {Selection[]} */
  #series = [];
  /** @type {Range | null} */
  #range = null;
  #growing = false;
  #refinedUpTo = 0;
  #refinedAt = 0;
  #fetching = new AbortController();
  #refining = new AbortController();

  /** The latest step that has arrived. */
  latest = 0;
  /** Whether anything has arrived of what is looked at now. */
  hasAnswer = false;

  /**
   * @param {number} run
   * @param {object} listeners
   * @param {() => void} listeners.onRecords
   * @param {(networks: Network[]) => void} listeners.onNetworks
   * @param {(findings: Findings) => void} listeners.onFindings
   * @param {(detail: string) => void} listeners.onError
   */
  constructor(run, listeners) {
    this.run = run;
    this.listeners = listeners;
  }

  /**
   * Look at other series, or at the same in another way.
   * @param {Selection[]} series
   * @param {boolean} growing Whether the run still records: live then, else read once in full
   */
  look(series, growing) {
    const same = JSON.stringify(series) === JSON.stringify(this.#series);
    if (same && growing === this.#growing) return;
    if (!same) {
      const kept = new Set(series.map((one) => JSON.stringify(one)));
      for (const one of this.#series.filter((old) => !kept.has(JSON.stringify(old)))) {
        this.#whole.delete(keyOf(one));
        this.#fine.delete(keyOf(one));
      }
      this.latest = 0;
      this.hasAnswer = false;
    }
    this.#series = series;
    this.#growing = growing;
    this.#fetching.abort();
    if (growing) this.#watch();
    else this.#fetch();
    if (!same || !growing) this.#refine(); // the end of a run may have come since the last look
  }

  /**
   * Look closer at a range of steps; null looks at the whole run again.
   * @param {Range | null} range
   */
  zoom(range) {
    this.#range = range;
    this.#fine = new Map();
    this.#refine();
  }

  /**
   * The rows of a series, finer where the page has zoomed in.
   * @param {Omit<Selection, "statistics">} selection
   */
  rows(selection) {
    const key = keyOf(selection);
    const whole = this.#whole.get(key);
    const fine = this.#fine.get(key);
    return whole && fine ? refine(whole, fine) : fine ?? whole;
  }

  /** Stop looking. */
  close() {
    this.#fetching.abort();
    this.#refining.abort();
    live.unwatch();
  }

  #watch() {
    live.watch({
      run: this.run,
      series: this.#series,
      cursor: () => this.latest,
      onFrame: (frame) => this.#take(frame),
      onNetworks: this.listeners.onNetworks,
      onFindings: this.listeners.onFindings,
      onError: this.listeners.onError,
    });
  }

  /** @param {Frame} frame */
  #take(frame) {
    const wanted = new Set(this.#series.map(keyOf));
    for (const { key, first, rows } of frame.series) {
      if (wanted.has(key)) this.#whole.set(key, append(this.#whole.get(key), rows, first));
    }
    this.latest = Math.max(frame.latest, latestStep(this.#whole.values()));
    this.hasAnswer = true;
    const isCovered = !this.#range || this.#refinedUpTo >= this.#range[1];
    if (!isCovered && performance.now() - this.#refinedAt > REFINE_PAUSE) this.#refine();
    this.listeners.onRecords();
  }

  async #fetch() {
    live.unwatch();
    if (this.#series.length === 0) return;
    this.#fetching = new AbortController();
    const frame = await this.#get(null, this.#fetching);
    if (!frame) return;
    this.#whole = new Map(frame.series.map(({ key, rows }) => [key, rows]));
    this.latest = frame.latest;
    this.hasAnswer = true;
    this.listeners.onRecords();
  }

  async #refine() {
    this.#refining.abort();
    if (!this.#range || this.#series.length === 0) return;
    this.#refining = new AbortController();
    this.#refinedAt = performance.now();
    const frame = await this.#get(this.#range, this.#refining);
    if (!frame) return;
    this.#fine = new Map(frame.series.map(({ key, rows }) => [key, rows]));
    this.#refinedUpTo = frame.latest;
    this.listeners.onRecords();
  }

  /**
   * @param {Range | null} range
   * @param {AbortController} controller
   * @returns {Promise<Frame | null>} Null when it was not wanted any more, or failed
   */
  async #get(range, controller) {
    const { signal } = controller;
    try {
      const what = { range, points: REST_POINTS, signal };
      const frame = await getSeries(this.run, this.#series, what);
      return signal.aborted ? null : frame;
    } catch (error) {
      if (!signal.aborted) this.listeners.onError(/** @type {Error} */ (error).message);
      return null;
    }
  }
}
