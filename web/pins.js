/** Layers that a person keeps at the top; remembered for each run. */

import { recall, remember } from "./memory.js";

/** @param {number} run */
const keyOf = (run) => `shiftscope.pinned.${run}`;

/**
 * Names of a run's pinned layers.
 * @param {number} run
 * @returns {string[]}
 */
export function pinned(run) {
  try {
    const names = JSON.parse(recall(keyOf(run)) ?? "[]");
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  } catch {
    return []; // somebody else wrote there
  }
}

/**
 * Pin a layer, or let it go.
 * @param {number} run
 * @param {string} name
 */
export function togglePin(run, name) {
  const names = pinned(run);
  remember(keyOf(run), JSON.stringify(names.includes(name)
    ? names.filter((one) => one !== name) : [...names, name]));
}
