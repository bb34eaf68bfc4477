/** One store: what more than one part of the page needs to know. */

/** @import { Connection, Run, System, Theme } from "./types" */

/**
 * @template {object} State
 * @param {State} initial
 */
export function createStore(initial) {
  let state = initial;
  /** @type {Set<(state: State, before: State) => void>} */
  const listeners = new Set();
  return {
    get: () => state,
    /** @param {Partial<State>} changes */
    set(changes) {
      const before = state;
      state = { ...state, ...changes };
      for (const listener of [...listeners]) listener(state, before);
    },
    /**
     * Hear of every change, and of the state as it is now; returns how to stop.
     * @param {(state: State, before: State) => void} listener
     * @returns {() => void}
     */
    subscribe(listener) {
      listeners.add(listener);
      listener(state, state);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * @typedef {object} PageState
 * @property {Connection} connection
 * @property {Theme} theme
 * @property {System | null} system
 * @property {Map<number, Run>} runs Every run that the page has heard of, by its number
 * @property {number | null} cursor The step under the pointer, the same for all charts
 */

/** @type {PageState} */
const initial = {
  connection: "connecting",
  theme: "system",
  system: null,
  runs: new Map(),
  cursor: null,
};

export const store = createStore(initial);

/**
 * Take in what the server says of some runs.
 * @param {Run[]} runs
 */
export function learnRuns(runs) {
  const known = new Map(store.get().runs);
  for (const run of runs) {
    // A run comes back from its end only where a person resumes it, which is an edit. What else
    // says so was read earlier and arrived late: the list's tail and the run's own look at
    // different moments.
    const before = known.get(run.id);
    const later = editedAt(run) - editedAt(before);
    if (later < 0 || (later === 0 && run.ended_at === null && before?.ended_at)) continue;
    known.set(run.id, run);
  }
  store.set({ runs: known });
}

/** @param {Run | undefined} run */
const editedAt = (run) => (run?.edited_at ? Date.parse(run.edited_at) : 0);
