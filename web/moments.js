/** The records of one step, the scrubbed one or the latest, that charts of a moment draw from. */

/** @import { Selection, SeriesRecord } from "./types" */
/** @import { Deck } from "./views/deck.js" */
/** @import { MomentPanel } from "./views/moment_panel.js" */

import { getMoment } from "./asking/records.js";
import { redraw } from "./redraw.js";
import { keyOf } from "./series.js";

/** Milliseconds between two requests while the latest step is followed. */
const PAUSE = 1000;
/** Series in one request. */
const AT_ONCE = 2000;

export class Moments {
  /** @type {MomentPanel[]} */
  panels = [];
  /** @type {Map<string, SeriesRecord>} */
  #records = new Map();
  #asked = "";
  #askedAt = -Infinity;
  #isBusy = false;
  #fetching = new AbortController();

  /** @param {Deck} deck */
  constructor(deck) {
    this.deck = deck;
    deck.companions.push(this);
    deck.onStep(() => this.#redraw());
  }

  /**
   * What a series recorded at the step, or last before it; undefined before it is known.
   * @param {Omit<Selection, "statistics">} selection
   */
  record(selection) {
    return this.#records.get(keyOf(selection));
  }

  /** A panel in sight is drawn: ask for its step, one request at a time. */
  refresh() {
    const { step, latest, growing } = this.deck;
    const asked = `${step ?? `latest ${latest}`} ${growing}`;
    const isEarly = step === null && growing && performance.now() - this.#askedAt < PAUSE;
    if (asked !== this.#asked && !this.#isBusy && !isEarly) this.#ask(asked);
  }

  /** Records came, or an axis was changed. */
  changed() {
    this.#redraw();
  }

  #redraw() {
    for (const panel of this.panels) redraw(panel, { now: true });
  }

  /** @param {string} asked */
  async #ask(asked) {
    const { deck } = this;
    this.#asked = asked;
    this.#askedAt = performance.now();
    this.#isBusy = true;
    const { signal } = this.#fetching;
    try {
      for (const some of this.#needs()) {
        const { records } = await getMoment(deck.feed.run, some, deck.step, signal);
        some.forEach((selection, at) => this.#records.set(keyOf(selection), records[at]));
      }
    } catch (error) {
      if (!signal.aborted) deck.feed.listeners.onError(/** @type {Error} */ (error).message);
    }
    this.#isBusy = false;
    if (!signal.aborted) this.#redraw();
  }

  /** Each series once, some at a time. */
  #needs() {
    /** @type {Map<string, Selection>} */
    const found = new Map();
    for (const { chart, layer } of this.panels) {
      for (const one of chart.needs({ networks: this.deck.networks, layer })) {
        const known = found.get(keyOf(one))?.statistics ?? [];
        found.set(keyOf(one), { ...one, statistics: [...new Set([...known, ...one.statistics])] });
      }
    }
    const all = [...found.values()];
    return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, at) =>
      all.slice(at * AT_ONCE, (at + 1) * AT_ONCE));
  }

  close() {
    this.#fetching.abort();
    for (const panel of this.panels) panel.close();
  }
}
