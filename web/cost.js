/** What observing a run costs, in words. Pure. */

/** @import { Run, RunDetail } from "./types" */

import { duration, percent, real, whole } from "./format.js";

/** Shorter waits are the loop and its recorder handing over, not one waiting for the other. */
const LEAST_WAIT = 0.05;

/**
 * The share of the training time that observing may take; null where it may take any.
 * @param {Pick<RunDetail, "experiment" | "watched">} detail
 * @returns {number | null}
 */
export function capOf({ experiment, watched }) {
  if (watched) return watched.overhead_cap ?? null;
  const recording = /** @type {{ overhead?: number | null } | undefined} */ (experiment?.recording);
  return recording?.overhead ? recording.overhead / 100 : null;
}

/**
 * "watching costs 1.8 % · every step"; empty where nothing is known.
 * @param {Pick<Run, "overhead" | "looked" | "step">} run
 * @param {number | null} cap
 */
export function costWords({ overhead, looked, step }, cap) {
  const share = real(overhead);
  const cost = share !== null && Number.isFinite(share) && `watching costs ${brief(share)}`;
  const limit = cap === null ? "" : ` (cap ${brief(cap).replace(".0 ", " ")})`;
  const seen = looked !== null && step > 0 && (looked >= step ? `every step${limit}`
    : `looked at ${whole(looked)} of ${whole(step)} steps${limit}`);
  return [cost, seen].filter(Boolean).join(" · ");
}

/** @param {number} share */
function brief(share) {
  return share > 0 && share < 0.001 ? "less than 0.1 %" : percent(share);
}

/**
 * What the gradient shift and the landscape took besides, where they were measured.
 * @param {Pick<Run, "measured">} run
 */
export function measuredWords({ measured }) {
  const seconds = real(measured) ?? 0;
  return seconds > 0 ? `${time(seconds)} more for gradient shift and landscape` : "";
}

/**
 * That the loop waited for the recorder, where it did.
 * @param {Pick<Run, "waited">} run
 */
export function waitedWords({ waited }) {
  const seconds = real(waited) ?? 0;
  if (!(seconds > LEAST_WAIT)) return "";
  return `the loop waited ${time(seconds)} for the recorder: nothing is dropped`;
}

/** @param {number} seconds */
const time = (seconds) => (seconds < 60 ? `${seconds.toFixed(1)} s` : duration(seconds));
