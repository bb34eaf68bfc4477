/** Every address of the server, and how its answers and errors are read. */

/** @import { Bulk, BulkAction, CatalogEntry, Experiment, FieldProblem, Frame, Problem, Range, Run } from "./types" */
/** @import { Measurements, Moment, RunDetail, Runs, Selection, System, Units, Validated } from "./types" */
/** @import { Definitions, Log, Offenders, Samples, SearchKey, Sparkline, UnitMatrices } from "./types" */
/** @import { Averages, ComparePlace, Compared, Findings, SweepAsked, SweepDetail } from "./types" */
/** @import { Access, FindingCount, FindingCounts, FoldedRuns, SettingsOfRuns, SettingValues } from "./types" */
/** @import { SweepValidated, Verdict } from "./types" */

import { readable } from "./readable.js";
import { decode, decodeUnits } from "./series.js";

/** What the server refused, in its own words. */
export class ServerError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail);
    this.status = problem.status;
    /** @type {FieldProblem[]} */
    this.fields = problem.errors ?? [];
    /** Where in a query the server lost its way, in characters; null elsewhere. */
    this.position = problem.position ?? null;
  }
}

/**
 * @param {string} path
 * @param {unknown} [body] With a body the request is a POST, unless `method` says otherwise
 * @param {AbortSignal} [signal]
 * @param {string} [method]
 * @returns {Promise<Response>}
 */
async function ask(path, body, signal, method = "POST") {
  /** @type {RequestInit} */
  const options = body === undefined ? {} : {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, { ...options, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError(unreachable());
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new ServerError(problem?.detail ? problem : {
    ...unreachable(),
    status: response.status,
    detail: `The server answered ${response.status} ${response.statusText}.`,
  });
}

/** @returns {Problem} */
function unreachable() {
  return { type: "about:blank", title: "", status: 0, detail: "The server cannot be reached." };
}

/**
 * @template Answer
 * @param {string} path
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @param {string} [method]
 * @returns {Promise<Answer>}
 */
async function json(path, body, signal, method) {
  return JSON.parse(readable(await (await ask(path, body, signal, method)).text()));
}

/** @returns {Promise<Access>} Who asks, and whether they may change anything */
export const getAccess = () => json("/api/access");

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
 * All runs of a list as CSV.
 * @param {string} query
 * @param {string} sort
 */
export const listUrl = (query, sort) => `/api/runs.csv?${asked(query, sort)}`;

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
const asked = (query, sort) => new URLSearchParams({ q: query, sort });

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
const numbered = (runs) => runs.map((run) => `run=${run}`).join("&");

/**
 * @param {number} run
 * @param {{ name?: string, tags?: string[], note?: string }} changes
 * @returns {Promise<Run>}
 */
export const editRun = (run, changes) => json(`/api/runs/${run}`, changes, undefined, "PATCH");

/**
 * @param {BulkAction} action
 * @param {number[]} runs
 * @param {string | null} [tag]
 * @returns {Promise<Bulk>}
 */
export const actOnRuns = (action, runs, tag = null) =>
  json("/api/runs/bulk", { action, runs, tag });

/**
 * @param {number} run
 * @returns {Promise<RunDetail>}
 */
export const getRun = (run) => json(`/api/runs/${run}`);

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
 * @param {number | null} target
 * @returns {Promise<SweepDetail>}
 */
export const getSweep = (sweep, target) =>
  json(`/api/sweeps/${sweep}${target === null ? "" : `?target=${target}`}`);

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
 * @param {string | null} quantity Null: all of them
 */
export const measurementsUrl = (run, quantity) => `/api/runs/${run}/measurements.csv${
  quantity === null ? "" : `?quantity=${encodeURIComponent(quantity)}`}`;

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

/** @param {number} run */
export const findingsUrl = (run) => `/api/runs/${run}/findings.csv`;

/**
 * @param {ComparePlace} place
 * @param {AbortSignal} [signal]
 * @returns {Promise<Compared>}
 */
export const getComparison = (place, signal) =>
  json(`/api/comparison?${comparing(place)}`, undefined, signal);

/** @param {ComparePlace} place */
export const comparisonUrl = (place) => `/api/comparison.csv?${comparing(place)}`;

/** @param {ComparePlace} place */
function comparing({ runs, group, target }) {
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
 */

/**
 * @param {AskedLines} asked
 * @param {AbortSignal} [signal]
 * @returns {Promise<Averages>}
 */
export const getLines = (asked, signal) =>
  json(`/api/comparison/lines?${ofLines(asked)}`, undefined, signal);

/** @param {AskedLines} asked */
export const linesUrl = (asked) => `/api/comparison/lines.csv?${ofLines(asked)}`;

/** @param {AskedLines} asked */
function ofLines({ runs, group, table, statistic, layer }) {
  const query = new URLSearchParams({ runs: runs.join(","), group, table, statistic });
  if (layer !== null) query.set("layer", layer);
  return query;
}

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

/** @param {number} run */
export const reportUrl = (run) => `/api/runs/${run}/report.html`;

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

/**
 * @param {number} run
 * @param {number} after Steps up to this one were looked at before
 * @returns {Promise<Offenders>}
 */
export const getOffenders = (run, after) => json(`/api/runs/${run}/nonfinite?after=${after}`);

/** @returns {Promise<Definitions>} */
export const getDefinitions = () => json("/api/statistics");

export const DOCS_URL = "/api/openapi.json";

/** The address of the live connection. */
export function liveUrl() {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/live`;
}
