/** The address of the page: which view, which tab, seed, steps and layers, and how they are drawn. */

/** @import { ChosenUnit, Place, Range } from "./types" */

import { formatCompare, numbers, parseCompare, parseRange } from "./comparing.js";
import { AS_REMEMBERED, formatLook, parseLook } from "./look.js";

/** How runs are sorted unless the address says otherwise: by number, the highest first. */
export const NEWEST = "-run";
/** The query of all runs that are in sweeps, which fold into these. */
export const IN_SWEEPS = "sweep>0";

/**
 * What an address means.
 * @param {string} path
 * @param {string} search
 * @returns {Place}
 */
export function parse(path, search) {
  const parts = decode(path);
  if (parts === null) return { view: "missing" };
  const query = new URLSearchParams(search);
  const [view, name] = parts;
  if (parts.length === 0 || (view === "runs" && parts.length === 1)) {
    return { view: "runs", query: query.get("q") ?? "", sort: query.get("sort") || NEWEST,
      apart: query.get("sweeps") === "apart", open: numbers(query.get("open")) };
  }
  if (view === "sweeps" && parts.length === 1) return ofQuery(IN_SWEEPS);
  if (view === "audit" && parts.length === 1) return { view: "audit" };
  if (view === "compare" && parts.length === 1) return parseCompare(query);
  if (view === "new" && parts.length <= 2) {
    return { view: "new", entry: name ?? null, again: count(query.get("again")) };
  }
  if (view === "runs" && parts.length === 2 && count(name) !== null) {
    return {
      view: "run",
      run: Number(name),
      tab: query.get("tab") ?? "overview",
      seed: count(query.get("seed")),
      range: parseRange(query.get("steps")),
      layer: query.get("layer") || null,
      find: query.get("find") || null,
      unit: parseUnit(query.get("unit")),
      target: share(query.get("target")),
      step: count(query.get("step")),
      chart: query.get("chart") || null,
      look: parseLook(query),
    };
  }
  if (view === "sweeps" && parts.length === 2 && count(name) !== null) {
    const runs = query.get("runs");
    return { view: "sweep", sweep: Number(name), by: query.get("by") || null,
      together: runs === "together" ? true : runs === "apart" ? false : null,
      target: share(query.get("target")), chart: query.get("chart") || null };
  }
  return { view: "missing" };
}

/**
 * The address of a place.
 * @param {Place} place
 */
export function format(place) {
  switch (place.view) {
    case "compare":
      return formatCompare(place);
    case "new":
      if (place.again !== null) return `/new?again=${place.again}`;
      return place.entry === null ? "/new" : `/new/${encodeURIComponent(place.entry)}`;
    case "run": {
      const query = new URLSearchParams();
      if (place.tab !== "overview") query.set("tab", place.tab);
      if (place.seed !== null) query.set("seed", String(place.seed));
      if (place.range !== null) query.set("steps", place.range.join("-"));
      if (place.find !== null) query.set("find", place.find);
      if (place.layer !== null) query.set("layer", place.layer);
      if (place.unit !== null) query.set("unit", formatUnit(place.unit));
      if (place.target !== null) query.set("target", String(place.target));
      if (place.step !== null) query.set("step", String(place.step));
      formatLook(place.look, query);
      if (place.chart !== null) query.set("chart", place.chart);
      const text = query.toString();
      return `/runs/${place.run}${text && `?${text}`}`;
    }
    case "runs": {
      const query = new URLSearchParams();
      if (place.query !== "") query.set("q", place.query);
      if (place.sort !== NEWEST) query.set("sort", place.sort);
      if (place.apart) query.set("sweeps", "apart");
      if (place.open.length > 0) query.set("open", place.open.join(","));
      const text = query.toString().replaceAll("%2C", ",");
      return `/${text && `?${text}`}`;
    }
    case "sweep": {
      const query = new URLSearchParams();
      if (place.by !== null) query.set("by", place.by);
      if (place.together !== null) query.set("runs", place.together ? "together" : "apart");
      if (place.target !== null) query.set("target", String(place.target));
      if (place.chart !== null) query.set("chart", place.chart);
      const text = query.toString();
      return `/sweeps/${place.sweep}${text && `?${text}`}`;
    }
    case "audit":
      return "/audit";
    default:
      return "/";
  }
}

/**
 * The list of the runs that match a query, as it is opened first.
 * @param {string} query
 * @returns {Extract<Place, { view: "runs" }>}
 */
export const ofQuery = (query) => ({ view: "runs", query, sort: NEWEST, apart: false, open: [] });

/**
 * The page of a run, as it is opened first.
 * @param {number} run
 * @returns {Extract<Place, { view: "run" }>}
 */
export const ofRun = (run) => ({ view: "run", run, tab: "overview", seed: null, range: null,
  layer: null, find: null, unit: null, target: null, step: null, chart: null, look: AS_REMEMBERED });

/**
 * The page of a sweep, as it is opened first.
 * @param {number} sweep
 * @returns {Extract<Place, { view: "sweep" }>}
 */
export const ofSweep = (sweep) => ({ view: "sweep", sweep, by: null, together: null, target: null,
  chart: null });

/**
 * The parts of a path; null when it cannot be read, as `%` alone.
 * @param {string} path
 */
function decode(path) {
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return null;
  }
}

/**
 * A layer's typical unit, `hidden3`, or one by its number, `hidden3:17`.
 * @param {string | null} text
 * @returns {ChosenUnit | null}
 */
function parseUnit(text) {
  if (!text) return null;
  const [, layer, unit] = /^(.+):(\d{1,10})$/.exec(text) ?? [text, text, null];
  return { layer, unit: count(unit) };
}

/** @param {ChosenUnit} chosen */
function formatUnit({ layer, unit }) {
  return unit === null ? layer : `${layer}:${unit}`;
}

/**
 * The part of a range that a run can have; null when that is nothing of it.
 * @param {Range | null} range
 * @param {number} steps
 * @returns {Range | null}
 */
export function clip(range, steps) {
  if (range === null || range[0] >= steps) return null;
  return range[1] > steps ? [range[0], steps] : range;
}

/** @param {string | null | undefined} text */
function count(text) {
  return /^\d{1,10}$/.test(text ?? "") ? Number(text) : null;
}

/** @param {string | null} text A number above 0, at most 1 */
function share(text) {
  const value = Number(text);
  return value > 0 && value <= 1 ? value : null;
}

/** @returns {Place} */
export function here() {
  return parse(window.location.pathname, window.location.search);
}

/** @type {Set<(place: Place) => void>} */
const listeners = new Set();

/**
 * Go to a place; `replace` leaves no step in the browser's history.
 * @param {Place} place
 * @param {{ replace?: boolean }} [options]
 */
export function go(place, { replace = false } = {}) {
  const address = format(place);
  if (address !== window.location.pathname + window.location.search) {
    window.history[replace ? "replaceState" : "pushState"](null, "", address);
  }
  for (const listener of listeners) listener(place);
}

/**
 * Hear of every change of place: by `go`, by a link of ours, by the browser's back and forward.
 * @param {(place: Place) => void} listener
 */
export function onPlace(listener) {
  if (listeners.size === 0) listen();
  listeners.add(listener);
}

function listen() {
  window.addEventListener("popstate", () => {
    for (const listener of listeners) listener(here());
  });
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey &&
      !event.altKey && !event.defaultPrevented;
    if (!link || !plain || link.target || link.hasAttribute("download")) return;
    if (link.origin !== window.location.origin || link.pathname.startsWith("/api/")) return;
    event.preventDefault();
    go(parse(link.pathname, link.search));
    window.scrollTo(0, 0);
  });
}
