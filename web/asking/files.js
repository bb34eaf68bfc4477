/** Addresses of files: exports, reports, the data of a chart. */

/** @import { ComparePlace, Range, Selection } from "../types" */
/** @import { AskedLines } from "./records.js" */

import { asked, numbered } from "./lists.js";
import { comparing, ofLines } from "./records.js";

/**
 * What its charts draw.
 * @param {number} sweep
 * @param {number} target
 */
export const outcomesUrl = (sweep, target) => `/api/sweeps/${sweep}/outcomes.csv?target=${target}`;

/**
 * @param {number} run
 * @param {string | null} quantity Null: all of them
 */
export const measurementsUrl = (run, quantity) => `/api/runs/${run}/measurements.csv${
  quantity === null ? "" : `?quantity=${encodeURIComponent(quantity)}`}`;

/**
 * All runs of a list.
 * @param {string} query
 * @param {string} sort
 */
export const listUrl = (query, sort) => `/api/runs.csv?${asked(query, sort)}`;

/** @param {number} run */
export const findingsUrl = (run) => `/api/runs/${run}/findings.csv`;

/** @param {ComparePlace} place */
export const comparisonUrl = (place) => `/api/comparison.csv?${comparing(place)}`;

/** What each network came to. @param {ComparePlace} place */
export const networksUrl = (place) => `/api/comparison/networks.csv?${comparing(place)}`;

/** @param {AskedLines} asked */
export const linesUrl = (asked) => `/api/comparison/lines.csv?${ofLines(asked)}`;

/** @param {number} run */
export const verdictUrl = (run) => `/api/runs/${run}/verdict.csv`;

/**
 * @param {number} run
 * @param {string} table
 * @param {string} format
 */
export const exportUrl = (run, table, format) => `/api/runs/${run}/export/${table}.${format}`;

/**
 * @param {number} run
 * @param {string} format Of the tables in it
 */
export const zipUrl = (run, format) => `/api/runs/${run}/export.zip?format=${format}`;

/**
 * The exports of several runs as one zip.
 * @param {number[]} runs
 */
export const zipOfRunsUrl = (runs) => `/api/runs.zip?${numbered(runs)}`;

/**
 * @param {number} run
 * @param {number[]} beside Further runs
 */
export const reportUrl = (run, beside = []) => `/api/runs/${run}/report.html${
  beside.length ? `?${beside.map((one) => `beside=${one}`).join("&")}` : ""}`;

/**
 * The records that some selections of one table and one layer hold, in full resolution.
 * @param {number} run
 * @param {Selection[]} selections
 * @param {{ layer: string | null, unit: number | null, range: Range | null }} part
 */
export function partUrl(run, selections, { layer, unit, range }) {
  const [{ table, seed }] = selections;
  const query = new URLSearchParams();
  for (const id of new Set(selections.map(({ network_id: one }) => one))) {
    if (id !== null) query.append("network_id", `${id}`);
  }
  for (const name of new Set(selections.flatMap(({ statistics }) => statistics))) {
    query.append("statistic", name);
  }
  if (layer !== null) query.set("layer", layer);
  if (seed !== null && seed !== undefined) query.set("seed", String(seed));
  if (unit !== null) query.set("unit", String(unit));
  if (range !== null) query.set("first", String(range[0]));
  if (range !== null) query.set("last", String(range[1]));
  return `${exportUrl(run, table, "csv")}?${query}`;
}
