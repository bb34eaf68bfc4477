/**
 * Single units of one layer on the probe: the typical one, or the one that was chosen, as rows that
 * charts draw.
 */

/** @import { ChosenUnit, Column, NetworkUnits, Real, Rows, Selection, Units } from "./types" */

import { getUnits } from "./asking/records.js";
import { real } from "./format.js";
import { NAN, NUMBER } from "./series.js";

const PAUSE = 2000;
const STATISTICS = /** @type {const} */ (["p15", "p50", "p85"]);

export class UnitFeed {
  /** @type {Units | null} What the server said last */
  answer = null;
  /** @type {number | null} Null: the typical one */
  unit = null;
  #askedAt = -Infinity;
  #fetching = new AbortController();

  /**
   * @param {number} run
   * @param {number} seed
   * @param {string} layer
   * @param {object} listeners
   * @param {() => void} listeners.onUnits
   * @param {(detail: string) => void} listeners.onError
   */
  constructor(run, seed, layer, listeners) {
    this.run = run;
    this.seed = seed;
    this.layer = layer;
    this.listeners = listeners;
  }

  /**
   * Look at a unit.
   * @param {ChosenUnit} chosen
   */
  look({ layer, unit }) {
    if (this.#askedAt > 0 && layer === this.layer && unit === this.unit) return;
    this.layer = layer;
    this.unit = unit;
    this.#fetch();
  }

  /** There may be more: ask again, but not too often. @param {{ now?: boolean }} [options] */
  refresh({ now = false } = {}) {
    if (now || performance.now() - this.#askedAt > PAUSE) this.#fetch();
  }

  /**
   * The rows of a network's unit.
   * @param {Omit<Selection, "statistics">} selection
   * @returns {Rows | undefined}
   */
  rows({ network_id, layer_id }) {
    const found = this.answer?.networks.find((units) =>
      units.network_id === network_id && units.layer_id === layer_id);
    return found && rowsOf(found);
  }

  close() {
    this.#fetching.abort();
  }

  async #fetch() {
    this.#fetching.abort();
    this.#fetching = new AbortController();
    this.#askedAt = performance.now();
    const { signal } = this.#fetching;
    try {
      const answer = await getUnits(this, signal);
      if (signal.aborted) return;
      this.answer = answer;
      this.listeners.onUnits();
    } catch (error) {
      if (!signal.aborted) this.listeners.onError(/** @type {Error} */ (error).message);
    }
  }
}

/**
 * One unit's percentiles as exact rows.
 * @param {NetworkUnits} units
 * @returns {Rows}
 */
export function rowsOf(units) {
  const step = Float64Array.from(units.step);
  /** @type {Record<string, Column>} */
  const columns = {};
  for (const name of STATISTICS) {
    const values = units[name];
    if (values) columns[name] = column(values);
  }
  return { width: 1, step, last: step, columns };
}

/**
 * @param {Real[]} values
 * @returns {Column}
 */
function column(values) {
  const lo = Float64Array.from(values, (value) => real(value) ?? NaN);
  const flag = Uint8Array.from(lo, (value) => Number.isNaN(value) ? NAN : NUMBER);
  return { lo, hi: lo, flag };
}
