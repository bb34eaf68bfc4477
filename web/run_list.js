/** The list of runs as the server has it: a query, an order, and the parts that are in sight. */

import { getFoldedRuns, getNumbers, getRowNumbers, getRuns } from "./asking/lists.js";
import { ServerError } from "./asking/request.js";
import { NEWEST } from "./location.js";
import { learnRuns } from "./state.js";

/** @import { FoldedSweep } from "./types" */

const PAGE = 100;
/** Pages on their way at once. */
const MOST_ASKED = 3;

/**
 * @typedef {object} Row A row of the list: a run, or a sweep that is folded.
 * @property {string} key By which rows are told apart
 * @property {number | null} run Null of a sweep
 * @property {FoldedSweep | null} sweep Null of a run
 * @property {number | null} within The sweep below whose row it is, where that is opened
 * @property {number[]} runs What it stands for: the run, or those of the sweep
 */

/** @param {number} run */
export const keyOfRun = (run) => `run-${run}`;
/** @param {number} sweep */
export const keyOfSweep = (sweep) => `sweep-${sweep}`;

export class RunList {
  query = "";
  sort = NEWEST;
  /** Whether the runs of sweeps are rows of their own. */
  apart = false;
  /** @type {number[]} Sweeps whose runs are shown below them. */
  open = [];
  /** @type {number | null} How many rows there are; null until the server has said it. */
  total = null;
  /** How many runs match, and how many rows are sweeps. */
  matched = 0;
  folded = 0;
  /** @type {ServerError | null} Why the last question had no answer. */
  problem = null;
  /** @type {Map<number, Row[]>} By page. */
  #pages = new Map();
  /** @type {Set<number>} Pages that are on their way. */
  #asked = new Set();
  /** Counts questions; an answer to an earlier one comes too late. */
  #turn = 0;
  /** The turn that the pages belong to. */
  #shown = 0;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /**
   * Ask something else; what is shown stays until the answer comes.
   * @param {{ query: string, sort: string, apart: boolean, open: number[] }} asked
   * @param {[number, number]} [sight] The places to begin with
   */
  show({ query, sort, apart, open }, sight = [0, 0]) {
    this.query = query;
    this.sort = sort;
    this.apart = apart;
    this.open = open;
    this.refresh(...sight);
  }

  /**
   * Ask again for the places from `first` to `last`.
   * @param {number} first
   * @param {number} last
   */
  refresh(first, last) {
    this.#turn += 1;
    this.#asked.clear();
    this.#load(Math.floor(first / PAGE), Math.floor(last / PAGE));
  }

  /**
   * See to it that the runs from `first` to `last` are there, or on their way.
   * @param {number} first
   * @param {number} last
   */
  need(first, last) {
    // When an answer comes, what is then in sight is asked for: nothing that was scrolled past.
    if (this.#turn !== this.#shown || this.#asked.size >= MOST_ASKED) return;
    const missing = [];
    for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page += 1) {
      if (!this.#pages.has(page) && !this.#asked.has(page)) missing.push(page);
    }
    if (missing.length) this.#load(missing[0], missing[missing.length - 1]);
  }

  /**
   * The row at a place of the list.
   * @param {number} place
   */
  at(place) {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  /**
   * The place of a row; -1 where it is not loaded.
   * @param {string | null} key
   */
  placeOf(key) {
    for (const [page, rows] of this.#pages) {
      const place = rows.findIndex((row) => row.key === key);
      if (place >= 0) return page * PAGE + place;
    }
    return -1;
  }

  /**
   * The numbers of the runs of all rows from one place to another, whether they are loaded or not.
   * @param {number} first
   * @param {number} last
   * @returns {Promise<number[]>}
   */
  async between(first, last) {
    const [from, to] = first < last ? [first, last] : [last, first];
    const known = Array.from({ length: to - from + 1 }, (_, at) => this.at(from + at));
    const loaded = known.filter((row) => row !== undefined);
    if (loaded.length === known.length) return loaded.flatMap(({ runs }) => runs);
    const { query, sort, open } = this;
    if (this.apart) return (await getNumbers(query, sort)).slice(from, to + 1);
    return (await getRowNumbers({ query, sort, open })).slice(from, to + 1).flat();
  }

  /**
   * @param {number} limit
   * @param {number} offset
   */
  async #answer(limit, offset) {
    const { query, sort, open } = this;
    if (this.apart) {
      const { runs, total } = await getRuns({ query, sort, limit, offset });
      return { runs, rows: runs.map(({ id }) => rowOf(id)), total, matched: total, folded: 0 };
    }
    const { rows, sweeps, ...rest } = await getFoldedRuns({ query, sort, open, limit, offset });
    const known = new Map(sweeps.map((one) => [one.sweep.id, one]));
    return { ...rest, rows: rows.flatMap(({ sweep, run }) => {
      if (run !== null) return [rowOf(run, sweep)];
      const found = known.get(Number(sweep));
      return found ? [{ key: keyOfSweep(found.sweep.id), run, sweep: found, within: null,
        runs: found.runs }] : [];
    }) };
  }

  /**
   * @param {number} from The first page
   * @param {number} to The last one
   */
  async #load(from, to) {
    const turn = this.#turn;
    for (let page = from; page <= to; page += 1) this.#asked.add(page);
    try {
      const { runs, rows, total, matched, folded } =
        await this.#answer((to - from + 1) * PAGE, from * PAGE);
      if (turn !== this.#turn) return;
      if (turn !== this.#shown) this.#pages.clear();
      this.#shown = turn;
      [this.total, this.matched, this.folded] = [total, matched, folded];
      this.problem = null;
      for (let page = from; page <= to; page += 1) {
        const begin = (page - from) * PAGE;
        this.#pages.set(page, rows.slice(begin, begin + PAGE));
        this.#asked.delete(page);
      }
      learnRuns(runs);
    } catch (error) {
      if (turn !== this.#turn) return;
      for (let page = from; page <= to; page += 1) this.#asked.delete(page);
      if (!(error instanceof ServerError)) throw error;
      this.problem = error;
    }
    this.onChange();
  }
}

/**
 * @param {number} run
 * @param {number | null} [within]
 * @returns {Row}
 */
const rowOf = (run, within = null) =>
  ({ key: keyOfRun(run), run, sweep: null, within, runs: [run] });
