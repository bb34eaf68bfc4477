/** The address of a comparison: which runs, in which lines, and how they are drawn. Pure. */

/** @import { ComparePlace, Range } from "./types" */

/** Runs, as many as the server takes. */
export const MOST_COMPARED = 100;

/** @type {ComparePlace} */
export const NOTHING_COMPARED = { view: "compare", runs: [], group: "run", layout: "overlay",
  logX: false, logs: [], range: null, target: null, statistic: "shift_w1", layer: null, lines: [],
  setting: null, outcome: "best_accuracy", chart: null };

/**
 * @param {URLSearchParams} query
 * @returns {ComparePlace}
 */
export function parseCompare(query) {
  const usual = NOTHING_COMPARED;
  const target = Number(query.get("target"));
  return {
    view: "compare",
    runs: numbers(query.get("runs")),
    group: query.get("group") || usual.group,
    layout: query.get("layout") === "grid" ? "grid" : "overlay",
    logX: query.get("x") === "log",
    logs: (query.get("log") ?? "").split(",").filter(Boolean),
    range: parseRange(query.get("steps")),
    target: target > 0 && target <= 1 ? target : null,
    statistic: query.get("statistic") || usual.statistic,
    layer: query.get("layer") || null,
    lines: numbers(query.get("lines")),
    setting: query.get("setting") || null,
    outcome: query.get("outcome") || usual.outcome,
    chart: query.get("chart") || null,
  };
}

/** @param {ComparePlace} place */
export function formatCompare(place) {
  const usual = NOTHING_COMPARED;
  const query = new URLSearchParams();
  if (place.runs.length > 0) query.set("runs", place.runs.join(","));
  if (place.group !== usual.group) query.set("group", place.group);
  if (place.layout !== usual.layout) query.set("layout", place.layout);
  if (place.logX) query.set("x", "log");
  if (place.logs.length > 0) query.set("log", place.logs.join(","));
  if (place.range !== null) query.set("steps", place.range.join("-"));
  if (place.target !== null) query.set("target", String(place.target));
  if (place.statistic !== usual.statistic) query.set("statistic", place.statistic);
  if (place.layer !== null) query.set("layer", place.layer);
  if (place.lines.length > 0) query.set("lines", place.lines.join(","));
  if (place.setting !== null) query.set("setting", place.setting);
  if (place.outcome !== usual.outcome) query.set("outcome", place.outcome);
  if (place.chart !== null) query.set("chart", place.chart);
  const text = String(query).replaceAll("%2C", ",");
  return `/compare${text && `?${text}`}`;
}

/** Which runs, in words. @param {Pick<ComparePlace, "runs">} place */
export const comparedRuns = ({ runs }) => `Runs ${runs.join(", ")}`;

/**
 * Whole numbers with commas between them, each once.
 * @param {string | null} text
 */
export function numbers(text) {
  const found = (text ?? "").split(",").filter((part) => /^\d{1,10}$/.test(part)).map(Number);
  return [...new Set(found)];
}

/**
 * Steps, the first and the last with a dash between them.
 * @param {string | null} text
 * @returns {Range | null}
 */
export function parseRange(text) {
  const found = /^(\d{1,10})-(\d{1,10})$/.exec(text ?? "");
  if (!found) return null;
  const [first, last] = [Number(found[1]), Number(found[2])];
  return first < last ? [first, last] : null;
}
