/** What was recorded of runs, and what that comes to. */

/** @import { Averages, ComparePlace, Compared, Findings, Frame, Log, Measured } from "../types" */
/** @import { Measurements, Moment, Offenders, Range, RunDetail, Samples, Selection, SweepDetail } from "../types" */
/** @import { UnitMatrices, Units, Verdict } from "../types" */

import { decode, decodeUnits } from "../series.js";
import { ask, json } from "./request.js";

/**
 * @param {number} run
 * @returns {Promise<RunDetail>}
 */
export const getRun = (run) => json(`/api/runs/${run}`);

/**
 * @param {number} sweep
 * @param {number | null} target
 * @returns {Promise<SweepDetail>}
 */
export const getSweep = (sweep, target) =>
  json(`/api/sweeps/${sweep}${target === null ? "" : `?target=${target}`}`);

/**
 * @param {number} run
 * @param {Selection[]} series
 * @param {{ range: Range | null, points: number, signal?: AbortSignal }} what
 * @returns {Promise<Frame>}
 */
export async function getSeries(run, series, { range, points, signal }) {
  const body = range ? { series, first: range[0], last: range[1], points } : { series, points };
  const response = await ask(`/api/runs/${run}/series`, body, signal);
  return decode(await response.arrayBuffer());
}

/**
 * @param {number} run
 * @param {number} after The last entry that is known
 * @param {AbortSignal} signal
 * @returns {Promise<Log>}
 */
export const getLog = (run, after, signal) =>
  json(`/api/runs/${run}/log?after=${after}`, undefined, signal);

/**
 * @param {number} run
 * @param {AbortSignal} signal
 * @returns {Promise<Samples>}
 */
export const getSamples = (run, signal) => json(`/api/runs/${run}/system`, undefined, signal);

/**
 * @param {number} run
 * @param {Selection[]} series
 * @param {number | null} step Null: the latest
 * @param {AbortSignal} signal
 * @returns {Promise<Moment>}
 */
export const getMoment = (run, series, step, signal) =>
  json(`/api/runs/${run}/moment`, { series, step }, signal);

/**
 * @param {{ run: number, layer: string, seed: number, unit: number | null }} what
 * @param {AbortSignal} [signal]
 * @returns {Promise<Units>}
 */
export function getUnits({ run, layer, seed, unit }, signal) {
  const query = new URLSearchParams({ layer, seed: String(seed) });
  if (unit !== null) query.set("unit", String(unit));
  return json(`/api/runs/${run}/units?${query}`, undefined, signal);
}

/** At most so many come at once: an import may have a million. */
const MEASUREMENTS = 100_000;

/**
 * @param {number} run
 * @param {{ layer: string, seed: number, array: string, range: Range, columns: number }} what
 * @param {AbortSignal} signal
 * @returns {Promise<UnitMatrices>}
 */
export async function getUnitMatrices(run, { layer, seed, array, range, columns }, signal) {
  const query = new URLSearchParams({ layer, array, seed: String(seed),
    first: String(range[0]), last: String(range[1]), columns: String(columns) });
  const response = await ask(`/api/runs/${run}/units/matrix?${query}`, undefined, signal);
  return decodeUnits(await response.arrayBuffer());
}

/**
 * @param {number} run
 * @param {number} after How many are known already
 * @returns {Promise<Measurements>}
 */
export const getMeasurements = (run, after) =>
  json(`/api/runs/${run}/measurements?after=${after}&limit=${MEASUREMENTS}`);

/**
 * @param {number} run
 * @param {string} quantity
 * @param {AbortSignal} signal
 * @returns {Promise<Measured>}
 */
export const getMeasured = (run, quantity, signal) =>
  json(`/api/runs/${run}/measured?${new URLSearchParams({ quantity })}`, undefined, signal);

/**
 * @param {number} run
 * @param {number | null} target
 * @returns {Promise<Verdict>}
 */
export const getVerdict = (run, target) =>
  json(`/api/runs/${run}/verdict${target === null ? "" : `?target=${target}`}`);

/**
 * @param {number} run
 * @returns {Promise<Findings>}
 */
export const getFindings = (run) => json(`/api/runs/${run}/findings`);

/**
 * @param {ComparePlace} place
 * @param {AbortSignal} [signal]
 * @returns {Promise<Compared>}
 */
export const getComparison = (place, signal) =>
  json(`/api/comparison?${comparing(place)}`, undefined, signal);

/** @param {ComparePlace} place */
export function comparing({ runs, group, target }) {
  const query = new URLSearchParams({ runs: runs.join(","), group });
  if (target !== null) query.set("target", String(target));
  return query;
}

/**
 * @typedef {object} AskedLines
 * @property {number[]} runs
 * @property {string} group
 * @property {string} table
 * @property {string} statistic
 * @property {string | null} layer
 * @property {Range | null} range Of steps; null: all
 * @property {number} [points] Of each line, at most
 */

/**
 * @param {AskedLines} asked
 * @param {AbortSignal} [signal]
 * @returns {Promise<Averages>}
 */
export const getLines = (asked, signal) =>
  json(`/api/comparison/lines?${ofLines(asked)}`, undefined, signal);

/** @param {AskedLines} asked */
export function ofLines({ runs, group, table, statistic, layer, range, points }) {
  const query = new URLSearchParams({ runs: runs.join(","), group, table, statistic });
  if (layer !== null) query.set("layer", layer);
  if (range) {
    query.set("first", String(range[0]));
    query.set("last", String(range[1]));
  }
  if (points) query.set("points", String(points));
  return query;
}

/**
 * @param {number} run
 * @param {number} after Steps up to this one were looked at before
 * @returns {Promise<Offenders>}
 */
export const getOffenders = (run, after) => json(`/api/runs/${run}/nonfinite?after=${after}`);
