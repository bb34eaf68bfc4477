/**
 * What heat maps draw from: the records of all layers, or all units of a layer, in a bounded number
 * of columns. It is asked for only when a heat map in sight is drawn.
 */

/** @import { Range, Rows, Selection } from "./types" */
/** @import { Deck } from "./views/deck.js" */

import { getSeries } from "./asking/records.js";

/** Milliseconds between two requests while a run grows. */
const PAUSE = 2000;
/** Two for each column, as buckets count. */
const POINTS = 500;
export const COLUMNS = POINTS / 2;
/** Series in one request. */
const AT_ONCE = 1000;

/** @template Answer */
export class HeatFeed {
  /** @type {Answer | null} */
  #answer = null;
  #asked = "";
  #askedAt = -Infinity;
  #latest = -1;
  #fetching = new AbortController();

  /**
   * @param {Deck} deck
   * @param {object} how
   * @param {() => string} how.about What it is asked for, besides steps: another text, other data
   * @param {(range: Range, signal: AbortSignal) => Promise<Answer>} how.fetch
   * @param {() => void} how.onAnswer
   */
  constructor(deck, { about, fetch, onAnswer }) {
    this.deck = deck;
    this.about = about;
    this.fetch = fetch;
    this.onAnswer = onAnswer;
    deck.companions.push(this);
  }

  /** What is known; where there may be more, it is asked for. @returns {Answer | null} */
  get answer() {
    const { chosen, growing, feed } = this.deck;
    const asked = JSON.stringify([this.about(), chosen, growing]);
    const grew = growing && feed.latest > this.#latest &&
      performance.now() - this.#askedAt > PAUSE;
    if (asked !== this.#asked || grew) this.#ask(asked);
    return this.#answer;
  }

  /** @param {string} asked */
  async #ask(asked) {
    this.#fetching.abort();
    this.#fetching = new AbortController();
    this.#asked = asked;
    this.#askedAt = performance.now();
    this.#latest = this.deck.feed.latest;
    const { signal } = this.#fetching;
    try {
      const answer = await this.fetch(this.deck.range, signal);
      if (signal.aborted) return;
      this.#answer = answer;
      this.onAnswer();
    } catch (error) {
      if (!signal.aborted) this.deck.feed.listeners.onError(/** @type {Error} */ (error).message);
    }
  }

  close() {
    this.#fetching.abort();
  }
}

/**
 * Any number of series, some at a time, as buckets of one width.
 * @param {number} run
 * @param {Selection[]} series
 * @param {Range} range
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, Rows>>}
 */
export async function seriesOf(run, series, range, signal) {
  const found = new Map();
  for (let from = 0; from < series.length; from += AT_ONCE) {
    const some = series.slice(from, from + AT_ONCE);
    const frame = await getSeries(run, some, { range, points: POINTS, signal });
    for (const { key, rows } of frame.series) found.set(key, rows);
  }
  return found;
}
