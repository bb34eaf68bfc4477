/** From the runs of a sweep to what its charts draw. Pure. */

/** @import { ArmSummary, Json, Mark, OverSeeds, Range, SweepMember, ValueAxis } from "./types" */

import { COLORS } from "./dom.js";
import { minus, number, real, whole } from "./format.js";
import { extentOf, grouped } from "./quantity.js";
import { linearAxis, logAxis } from "./scale.js";

/** Beyond the outermost points, a share of the axis. */
const ROOM = 0.05;

/**
 * @typedef {object} Across What is on the horizontal axis: numbers, or words, one place for each.
 * @property {(value: Json) => number} placeOf
 * @property {boolean} log
 * @property {(ticks: number) => ValueAxis} axis
 * @property {(x: number) => string} words
 */

/**
 * @typedef {object} Point What one arm of one run came to.
 * @property {number} x
 * @property {ArmSummary} arm
 */

/** @typedef {"last_accuracy" | "steps_to_target"} Outcome */

/**
 * A value of a setting as a person reads it.
 * @param {Json} value
 * @returns {string}
 */
export function valueWords(value) {
  if (value === null) return "empty";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(valueWords).join("-");
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : String(value);
}

/**
 * The last word of a setting's path, where no other one has it.
 * @param {string} setting
 * @param {string[]} all
 */
export function shortName(setting, all) {
  /** @param {string} path */
  const last = (path) => path.slice(path.lastIndexOf(".") + 1);
  const alone = all.filter((one) => last(one) === last(setting)).length === 1;
  return alone && !setting.startsWith("arms.") ? last(setting) : setting;
}

/**
 * The place of the setting that takes the most values.
 * @param {SweepMember[]} members
 */
export function mostVaried(members) {
  const counts = (members[0]?.values ?? []).map((_, at) =>
    new Set(members.map(({ values }) => JSON.stringify(values[at]))).size);
  return Math.max(0, counts.indexOf(Math.max(...counts)));
}

/**
 * The axis of a setting: logarithmic where its values, all above 0, span a decade or more.
 * @param {Json[]} values Of all runs
 * @returns {Across}
 */
export function acrossOf(values) {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length < values.length || values.length === 0) return amongWords(values);
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const log = low > 0 && high / low >= 10;
  return { placeOf: Number, log, axis: (ticks) => around(low, high, log, ticks),
    words: (x) => valueWords(x) };
}

/**
 * An axis that ends a little beyond its lowest and its highest point.
 * @param {number} low
 * @param {number} high
 * @param {boolean} log
 * @param {number} ticks
 * @returns {ValueAxis}
 */
function around(low, high, log, ticks) {
  const { values, labels } = (log ? logAxis : linearAxis)([low, high], ticks);
  const [from, to] = log ? [Math.log10(low), Math.log10(high)] : [low, high];
  const room = ROOM * (to - from || Math.abs(from) || 1);
  /** @param {number} value */
  const isWithin = (value) => (log ? Math.log10(value) : value) >= from - room
    && (log ? Math.log10(value) : value) <= to + room;
  return { range: [from - room, to + room], values: values.filter(isWithin),
    labels: labels.filter((_, at) => isWithin(values[at])) };
}

/**
 * A place for each value, in the order in which they come.
 * @param {Json[]} values
 * @returns {Across}
 */
function amongWords(values) {
  const keys = [...new Set(values.map((value) => JSON.stringify(value)))];
  const labels = keys.map((key) => valueWords(JSON.parse(key)));
  return {
    placeOf: (value) => keys.indexOf(JSON.stringify(value)),
    log: false,
    axis: () => ({ range: [-0.5, Math.max(0.5, keys.length - 0.5)],
      values: labels.map((_, at) => at), labels }),
    words: (x) => labels[x] ?? "",
  };
}

/**
 * The runs, those together that are alike in all settings but one.
 * @param {SweepMember[]} members
 * @param {number} at The place of that setting
 * @returns {{ values: Json[], members: SweepMember[] }[]} `values` of all settings, as of the first
 */
export function apart(members, at) {
  const groups = grouped(members, ({ values }) => JSON.stringify(values.toSpliced(at, 1)));
  return [...groups.values()].map((own) => ({ values: own[0].values, members: own }));
}

/**
 * What one arm came to, by x, of the runs that finished.
 * @param {SweepMember[]} members
 * @param {number} arm
 * @param {(values: Json[]) => number} placeOf
 * @returns {Point[]}
 */
export function pointsOf(members, arm, placeOf) {
  return members.filter(({ arms }) => arms[arm])
    .map(({ arms, values }) => ({ x: placeOf(values), arm: arms[arm] }))
    .sort((a, b) => a.x - b.x);
}

/**
 * What of an outcome can be drawn, with its interval.
 * @param {ArmSummary} arm
 * @param {Outcome} outcome
 * @returns {{ value: number, low: number | null, high: number | null } | null}
 */
export function drawable(arm, outcome) {
  const found = arm[outcome];
  const value = real(found?.value);
  if (!found || value === null || !Number.isFinite(value)) return null;
  if (outcome === "steps_to_target" && value <= 0) return null; // its axis is logarithmic
  return { value, low: real(found.low), high: real(found.high) };
}

/**
 * The marks of one arm: points, their line and their intervals, and a tick where there is none.
 * @param {Point[]} points
 * @param {number} arm
 * @param {{ outcome: Outcome, dash: import("./types").Dash, joined: boolean }} how `joined`: by a
 *   line, with intervals; else each run is a dot
 * @returns {Mark[]}
 */
export function marksOf(points, arm, { outcome, dash, joined }) {
  const drawn = points.flatMap(({ x, arm: own }) => {
    const found = drawable(own, outcome);
    return found ? [{ x, ...found }] : [];
  });
  const missing = points.filter(({ arm: own }) => drawable(own, outcome) === null);
  /** @type {Mark[]} */
  const marks = [];
  const x = Float64Array.from(drawn, (point) => point.x);
  const y = Float64Array.from(drawn, ({ value }) => value);
  if (drawn.length && !joined) marks.push({ kind: "dots", arm, x, y });
  if (drawn.length && joined) {
    marks.push({ kind: "line", arm, dash, points: true, dense: false, x, y });
    const whiskers = drawn.filter(({ low, high }) => low !== null && high !== null);
    if (whiskers.length) {
      marks.push({ kind: "line", arm, dash: "solid", points: false, dense: true,
        x: Float64Array.from(whiskers.flatMap((point) => [point.x, point.x, NaN])),
        y: Float64Array.from(whiskers.flatMap(({ low, high }) => [Number(low), Number(high), NaN])) });
    }
  }
  if (missing.length) {
    marks.push({ kind: "rug", arm, row: 1 + arm % COLORS, text: "",
      x: Float64Array.from(missing, (point) => point.x) });
  }
  return marks;
}

/**
 * The lowest and the highest number that the vertical axis shows: every point, and of intervals what
 * can be.
 * @param {Mark[]} marks
 * @param {Range} possible Where an interval is cut, and what is shown where there is no point
 * @returns {Range}
 */
export function heightOf(marks, [least, most]) {
  const points = marks.filter((mark) => mark.kind === "dots" || (mark.kind === "line" && mark.points));
  const intervals = marks.filter((mark) => mark.kind === "line" && !mark.points);
  /** @param {Mark[]} some */
  const extent = (some) => extentOf(some.map((mark) => "y" in mark ? mark.y : new Float64Array()));
  const [low, high] = extent(intervals) ?? [Infinity, -Infinity];
  const [lowest, highest] = extent(points) ?? [least, most];
  return [Math.min(lowest, Math.max(low, least)), Math.max(highest, Math.min(high, most))];
}

/**
 * What an arm came to, in words: "95.3 % (94.1 to 96.2)".
 * @param {ArmSummary} arm
 * @param {Outcome} outcome
 */
export function outcomeWords(arm, outcome) {
  const found = arm[outcome];
  if (outcome === "last_accuracy") {
    if (arm.diverged > 0) return `diverged${ofSeeds(arm.diverged, arm.seeds)}`;
    return found ? overSeeds(found, (value) => minus((100 * value).toFixed(1)), " %") : "–";
  }
  if (found) return overSeeds(found, whole, "");
  return arm.seeds === 0 ? "–" : `not reached${ofSeeds(arm.seeds - arm.reached, arm.seeds)}`;
}

/**
 * What an arm came to in all runs at each x: of several the lowest and the highest.
 * @param {Point[]} points
 * @param {Outcome} outcome
 * @returns {{ x: Float64Array, said: (at: number) => string }}
 */
export function wordsByX(points, outcome) {
  const groups = grouped(points, ({ x }) => x);
  const words = [...groups.values()].map((own) => {
    if (own.length === 1) return outcomeWords(own[0].arm, outcome);
    const values = own.flatMap(({ arm }) => drawable(arm, outcome)?.value ?? []);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const missing = own.length - values.length;
    return [`${own.length} runs`, ...values.length ? [outcome === "last_accuracy"
      ? `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)} %` : `${whole(low)} to ${whole(high)}`] : [],
    ...missing ? [`${missing} without a point`] : []].join(", ");
  });
  return { x: Float64Array.from(groups.keys()), said: (at) => words[at] };
}

/** A target in percent: "90 %". @param {number} share */
export const targetWords = (share) => `${Number((100 * share).toFixed(4))} %`;

/**
 * @param {number} some
 * @param {number} all
 */
const ofSeeds = (some, all) => all === 1 ? "" : ` with ${some} of ${all} seeds`;

/**
 * @param {OverSeeds} found
 * @param {(value: number) => string} format
 * @param {string} unit
 */
function overSeeds({ value, low, high }, format, unit) {
  const mean = Number(value);
  if (!Number.isFinite(mean)) return number(mean);
  if (low === null || high === null) return `${format(mean)}${unit}`;
  return `${format(mean)}${unit} (${format(Number(low))} to ${format(Number(high))})`;
}
