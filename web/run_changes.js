/** Reading something again whenever a run has changed, until it has ended. */

/** @import { RunDetail } from "./types" */

import { store } from "./state.js";

/** Milliseconds between two readings. */
const PAUSE = 1000;

/**
 * Read now and after every change of the run's row; returns how to stop.
 * @param {RunDetail} run
 * @param {(signal: AbortSignal) => Promise<void>} read
 * @param {(detail: string) => void} onError
 */
export function whenRunChanges(run, read, onError) {
  const closing = new AbortController();
  const { signal } = closing;
  let seen = store.get().runs.get(run.id);
  let isReading = false;
  let isDue = true;
  const readOn = async () => {
    if (isReading) return;
    isReading = true;
    while (isDue && !signal.aborted) {
      isDue = false;
      try {
        await read(signal);
      } catch (error) {
        if (!signal.aborted) onError(/** @type {Error} */ (error).message);
      }
      await new Promise((resolve) => { setTimeout(resolve, PAUSE); });
    }
    isReading = false;
  };
  const unsubscribe = store.subscribe(({ runs }) => {
    const now = runs.get(run.id);
    if (now === seen) return;
    seen = now;
    isDue = true;
    readOn();
  });
  readOn();
  return () => {
    unsubscribe();
    closing.abort();
  };
}
