/** What a person changes: runs and sweeps checked, started, stopped, edited. */

/** @import { Bulk, BulkAction, Experiment, Run, RunDetail, SweepAsked, SweepDetail } from "../types" */
/** @import { SweepValidated, Validated } from "../types" */

import { json } from "./request.js";

/**
 * @param {number} run
 * @param {{ name?: string, tags?: string[], note?: string }} changes
 * @returns {Promise<Run>}
 */
export const editRun = (run, changes) => json(`/api/runs/${run}`, changes, undefined, "PATCH");

/**
 * @param {BulkAction} action
 * @param {number[]} runs
 * @param {string | null} [word] The tag, the name or the note
 * @returns {Promise<Bulk>}
 */
export const actOnRuns = (action, runs, word = null) => json("/api/runs/bulk", { action, runs,
  [action === "rename" ? "name" : action === "note" ? "note" : "tag"]: word });

/**
 * @param {Experiment} asked An experiment's or a study's document
 * @param {string | null} entry
 * @param {AbortSignal} [signal]
 * @returns {Promise<Validated>}
 */
export const validate = (asked, entry, signal) =>
  json("/api/experiments/validate", asking(asked, entry), signal);

/**
 * @param {Experiment} asked An experiment's or a study's document
 * @param {string | null} entry
 * @returns {Promise<RunDetail>}
 */
export const createRun = (asked, entry) => json("/api/runs", asking(asked, entry));

/**
 * @param {Experiment} asked Only a study names one
 * @param {string | null} entry
 */
const asking = (asked, entry) =>
  ({ [asked.study === undefined ? "experiment" : "study"]: asked, catalog_entry: entry });

/**
 * @param {SweepAsked} asked
 * @param {AbortSignal} [signal]
 * @returns {Promise<SweepValidated>}
 */
export const validateSweep = (asked, signal) => json("/api/sweeps/validate", asked, signal);

/**
 * @param {SweepAsked} asked
 * @returns {Promise<SweepDetail>}
 */
export const createSweep = (asked) => json("/api/sweeps", asked);

/**
 * @param {number} sweep
 * @returns {Promise<SweepDetail>}
 */
export const stopSweep = (sweep) => json(`/api/sweeps/${sweep}/stop`, {});

/**
 * @param {number} run
 * @returns {Promise<Run>}
 */
export const stopRun = (run) => json(`/api/runs/${run}/stop`, {});

/**
 * @param {number} run
 * @returns {Promise<Run>}
 */
export const resumeRun = (run) => json(`/api/runs/${run}/resume`, {});
