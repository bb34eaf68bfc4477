/** Every address of the server, and how its answers and errors are read. */

/** @import { CatalogEntry, Experiment, FieldProblem, Findings, Frame, Problem, Range, Run } from "./types" */
/** @import { Measurements, RunDetail, Runs, Selection, System, Units, Validated } from "./types" */
/** @import { Verdict } from "./types" */

import { decode } from "./series.js";

/** What the server refused, in its own words. */
export class ServerError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail);
    this.status = problem.status;
    /** @type {FieldProblem[]} */
    this.fields = problem.errors ?? [];
  }
}

/**
 * @param {string} path
 * @param {unknown} [body] With a body the request is a POST
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function ask(path, body, signal) {
  /** @type {RequestInit} */
  const options = body === undefined ? {} : {
    method: "POST",
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
 * @returns {Promise<Answer>}
 */
async function json(path, body, signal) {
  return (await ask(path, body, signal)).json();
}

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
 * @param {{ limit?: number, before?: number | null }} [page]
 * @returns {Promise<Runs>}
 */
export const getRuns = ({ limit = 50, before = null } = {}) =>
  json(`/api/runs?limit=${limit}${before === null ? "" : `&before=${before}`}`);

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
 * @param {number} run
 * @returns {Promise<Run>}
 */
export const stopRun = (run) => json(`/api/runs/${run}/stop`, {});

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

/** @param {number} run */
export const reportUrl = (run) => `/api/runs/${run}/report.html`;

export const DOCS_URL = "/api/openapi.json";

/** The address of the live connection. */
export function liveUrl() {
  const { protocol, host } = window.location;
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/api/live`;
}
