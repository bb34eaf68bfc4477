/** What the server offers: workers, and the datasets that they have. */

/** @import { Experiment, System } from "./types" */

import { getSystem } from "./asking/lists.js";
import { withValue } from "./document.js";
import { h } from "./dom.js";
import { store } from "./state.js";

const PAUSE = 1000;
/** A page that opens with its server meets no worker yet; that is not worth a word. */
const GRACE = 6000;

/**
 * Ask what is there, again and again until a worker is alive and has said which datasets it has:
 * when the page opens, the worker may still be starting.
 * @param {AbortSignal} signal
 */
export async function followSystem(signal) {
  while (!signal.aborted) {
    const system = await getSystem().catch(() => null);
    if (signal.aborted) return;
    if (system) store.set({ system });
    if (system?.datasets && system.workers.length > 0) return;
    await new Promise((resolve) => window.setTimeout(resolve, PAUSE));
  }
}

/**
 * A sentence when nobody would train a run; null otherwise.
 * @param {System | null} system
 */
export function workerNotice(system) {
  if (!system || system.workers.length > 0 || performance.now() < GRACE) return null;
  return h("p", { class: "notice" }, "No worker is alive, so a run would wait in the queue. " +
    "Start one with ", h("code", {}, "shiftscope worker"), ".");
}

/**
 * What a worker says of the dataset that was chosen: is it there, and where it would come from.
 * @param {Experiment} experiment
 * @param {System | null} system
 */
export function datasetNote(experiment, system) {
  const name = String(experiment.dataset);
  const state = system?.datasets?.[name];
  return state ? `${name}: ${state.note}` : "";
}

/**
 * The experiment with a dataset that can be had; `why` says why it is another one, else null.
 * @param {Experiment} experiment
 * @param {System | null} system
 * @returns {{ experiment: Experiment, why: string | null }}
 */
export function withDataset(experiment, system) {
  const datasets = system?.datasets;
  const state = datasets?.[String(experiment.dataset)];
  const isFine = !state || state.available || !datasets?.digits?.available;
  if (isFine) return { experiment, why: null };
  const name = `${String(experiment.name).slice(0, 70)} (digits)`;
  const changed = withValue(withValue(experiment, "dataset", "digits"), "name", name);
  return { experiment: changed, why: state.note };
}
