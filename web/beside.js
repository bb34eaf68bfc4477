/** What the list shows of runs that their rows do not have: asked for those in sight, and kept. */

import { ServerError } from "./asking/request.js";

/** @import { Run } from "./types" */

/** Milliseconds between two looks at runs that go on. */
const EVERY = 2000;

/** @template {{ run: number }} Part */
export class Beside {
  /** @type {Map<number, { state: string, parts: Part[] }>} */
  #known = new Map();
  #asking = false;
  #askedAt = -Infinity;
  /** @type {(run: number) => void} Tells the list that is shown now, also of what another asked for. */
  #onChange = () => {};

  /**
   * @param {(runs: number[]) => Promise<Part[]>} ask
   * @param {(run: Run) => string} stateOf What was asked is old once this changes
   */
  constructor(ask, stateOf) {
    this.ask = ask;
    this.stateOf = stateOf;
  }

  /**
   * What is known of a run.
   * @param {number} run
   */
  of(run) {
    return this.#known.get(run)?.parts ?? [];
  }

  /** Everything is old: what is asked for has changed. */
  forget() {
    this.#known = new Map();
  }

  /**
   * See to it that what is known of these runs is not old.
   * @param {Run[]} runs
   * @param {(run: number) => void} onChange
   */
  async need(runs, onChange) {
    this.#onChange = onChange;
    const wanted = runs.map((run) => ({ id: run.id, state: this.stateOf(run) }));
    const isNew = wanted.some(({ id }) => !this.#known.has(id));
    const due = wanted.filter(({ id, state }) => this.#known.get(id)?.state !== state);
    const pause = isNew ? 0 : EVERY;
    if (this.#asking || !due.length || performance.now() - this.#askedAt < pause) return;
    this.#asking = true;
    this.#askedAt = performance.now();
    const known = this.#known;
    try {
      const parts = await this.ask(due.map(({ id }) => id));
      for (const { id, state } of due) {
        known.set(id, { state, parts: parts.filter(({ run }) => run === id) });
        this.#onChange(id);
      }
    } catch (error) {
      // The rows say the rest; the list itself tells that the server is away.
      if (!(error instanceof ServerError)) throw error;
    } finally {
      this.#asking = false;
    }
  }
}
