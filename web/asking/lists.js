/** What there is: runs in their list, the catalog, settings, statistics, and the server itself. */

/** @import { Access, Audit, CatalogEntry, Definitions, FoldedRuns, Runs, SearchKey } from "../types" */
/** @import { FindingCount, FindingCounts, SettingsOfRuns, SettingValues, Sparkline, System } from "../types" */

import { json } from "./request.js";

/** @returns {Promise<Access>} Who asks, and whether they may change anything */
export const getAccess = () => json("/api/access");

/**
 * @param {number | null} before Only entries that are numbered below
 * @param {number} limit
 * @param {AbortSignal} signal
 * @returns {Promise<Audit>} Who changed what, newest first
 */
export const getAudit = (before, limit, signal) => json(
  `/api/audit?limit=${limit}${before === null ? "" : `&before=${before}`}`, undefined, signal);

/** @returns {Promise<System>} */
export const getSystem = () => json("/api/system");

/** @returns {Promise<Record<string, any>>} */
export const getSchema = () => json("/api/experiments/schema");

/** @returns {Promise<Record<string, any>>} */
export const getStudySchema = () => json("/api/studies/schema");

/** @returns {Promise<CatalogEntry[]>} */
export const getCatalog = async () =>
  /** @type {{ entries: CatalogEntry[] }} */ (await json("/api/catalog")).entries;

/**
 * @param {{ query: string, sort: string, limit: number, offset: number }} page
 * @param {AbortSignal} [signal]
 * @returns {Promise<Runs>}
 */
export const getRuns = ({ query, sort, limit, offset }, signal) =>
  json(`/api/runs?${asked(query, sort)}&limit=${limit}&offset=${offset}`, undefined, signal);

/**
 * The numbers of all runs of a list, in order.
 * @param {string} query
 * @param {string} sort
 * @returns {Promise<number[]>}
 */
export const getNumbers = async (query, sort) =>
  /** @type {{ runs: number[] }} */ (await json(`/api/runs/numbers?${asked(query, sort)}`)).runs;

/**
 * The same page, the runs of each sweep as one row unless it is opened.
 * @param {{ query: string, sort: string, open: number[], limit: number, offset: number }} page
 * @returns {Promise<FoldedRuns>}
 */
export const getFoldedRuns = ({ query, sort, open, limit, offset }) =>
  json(`/api/runs/folded?${asked(query, sort)}${opened(open)}&limit=${limit}&offset=${offset}`);

/**
 * For every row of a folded list the numbers of its runs, in order.
 * @param {{ query: string, sort: string, open: number[] }} list
 * @returns {Promise<number[][]>}
 */
export const getRowNumbers = async ({ query, sort, open }) => /** @type {{ rows: number[][] }} */ (
  await json(`/api/runs/folded/numbers?${asked(query, sort)}${opened(open)}`)).rows;

/** @param {number[]} sweeps */
const opened = (sweeps) => sweeps.map((sweep) => `&open=${sweep}`).join("");

/**
 * @param {string} query
 * @param {string} sort
 */
export const asked = (query, sort) => new URLSearchParams({ q: query, sort });

/** @returns {Promise<SearchKey[]>} */
export const getSearchKeys = async () =>
  /** @type {{ keys: SearchKey[] }} */ (await json("/api/runs/keys")).keys;

/**
 * @param {number[]} runs
 * @returns {Promise<Sparkline[]>}
 */
export const getSparklines = async (runs) => /** @type {{ sparklines: Sparkline[] }} */ (
  await json(`/api/runs/sparklines?${numbered(runs)}`)).sparklines;

/**
 * @param {number[]} runs
 * @returns {Promise<FindingCount[]>}
 */
export const getFindingCounts = async (runs) => /** @type {FindingCounts} */ (
  await json(`/api/runs/findings?${numbered(runs)}`)).counts;

/**
 * What runs have of some settings.
 * @param {number[]} runs
 * @param {string[]} paths
 * @returns {Promise<SettingValues[]>}
 */
export const getSettings = async (runs, paths) => /** @type {SettingsOfRuns} */ (
  await json(`/api/runs/settings?${numbered(runs)}&${paths.map((path) =>
    `setting=${encodeURIComponent(path)}`).join("&")}`)).settings;

/** @param {number[]} runs */
export const numbered = (runs) => runs.map((run) => `run=${run}`).join("&");

/** @returns {Promise<Definitions>} */
export const getDefinitions = () => json("/api/statistics");

export const DOCS_URL = "/api/openapi.json";

/** The address of the live connection. */
export function liveUrl() {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/live`;
}
