/** The list of runs as the server has it: a query, an order, and the parts that are in sight. */

import * as api from "./api.js";
import { NEWEST } from "./location.js";
import { learnRuns } from "./state.js";

const PAGE = 100;
/** Pages on their way at once. */
const MOST_ASKED = 3;

export class RunList {
  query = "";
  sort = NEWEST;
  /** @type {number | null} How many runs match; null until the server has said it. */
  total = null;
  /** @type {api.ServerError | null} Why the last question had no answer. */
  problem = null;
  /** @type {Map<number, number[]>} By page, the numbers of its runs. */
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
   * @param {string} query
   * @param {string} sort
   */
  show(query, sort) {
    this.query = query;
    this.sort = sort;
    this.refresh(0, 0);
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
   * The number of the run at a place of the list.
   * @param {number} place
   */
  at(place) {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  /**
   * The place of a run; -1 where it is not loaded.
   * @param {number | null} run
   */
  placeOf(run) {
    for (const [page, runs] of this.#pages) {
      const place = run === null ? -1 : runs.indexOf(run);
      if (place >= 0) return page * PAGE + place;
    }
    return -1;
  }

  /**
   * The numbers of the runs from one place to another, whether they are loaded or not.
   * @param {number} first
   * @param {number} last
   * @returns {Promise<number[]>}
   */
  async between(first, last) {
    const [from, to] = first < last ? [first, last] : [last, first];
    const known = Array.from({ length: to - from + 1 }, (_, at) => this.at(from + at));
    const loaded = known.filter((run) => run !== undefined);
    if (loaded.length === known.length) return loaded;
    return (await api.getNumbers(this.query, this.sort)).slice(from, to + 1);
  }

  /**
   * @param {number} from The first page
   * @param {number} to The last one
   */
  async #load(from, to) {
    const turn = this.#turn;
    for (let page = from; page <= to; page += 1) this.#asked.add(page);
    try {
      const { query, sort } = this;
      const limit = (to - from + 1) * PAGE;
      const { runs, total } = await api.getRuns({ query, sort, limit, offset: from * PAGE });
      if (turn !== this.#turn) return;
      if (turn !== this.#shown) this.#pages.clear();
      this.#shown = turn;
      this.total = total;
      this.problem = null;
      for (let page = from; page <= to; page += 1) {
        const begin = (page - from) * PAGE;
        this.#pages.set(page, runs.slice(begin, begin + PAGE).map(({ id }) => id));
        this.#asked.delete(page);
      }
      learnRuns(runs);
    } catch (error) {
      if (turn !== this.#turn) return;
      for (let page = from; page <= to; page += 1) this.#asked.delete(page);
      if (!(error instanceof api.ServerError)) throw error;
      this.problem = error;
    }
    this.onChange();
  }
}
