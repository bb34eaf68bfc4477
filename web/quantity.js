/** From a study's measurements to what a chart of one quantity draws. Pure. */

/** @import { Measurement, Range } from "./types" */

import { whole } from "./format.js";
import { isDrawable, LARGEST, TOO_LARGE } from "./scale.js";

/**
 * @typedef {object} Line What was measured of one series, in the order of x.
 * @property {string} name
 * @property {Float64Array} x
 * @property {Float64Array} mean Over the seeds, of what can be drawn; NaN where nothing can
 * @property {Float64Array} said The same; of all values where nothing can be drawn
 * @property {{ x: Float64Array, y: Float64Array }} dots Every measurement that can be drawn
 * @property {Float64Array} nonfinite Where it is NaN or infinite for some seed
 * @property {number} seeds
 * @property {boolean} repeats Whether some seed has several values at one x, as a resumed program logs
 */

/** @typedef {{ x: boolean, y: boolean }} Logs Whether each axis is logarithmic */

/**
 * The series of one quantity, in the order in which they were first measured.
 * @param {Measurement[]} measurements
 * @param {Logs} log
 * @returns {Line[]}
 */
export function linesOf(measurements, log) {
  const series = grouped(measurements, ({ series: name }) => name);
  return [...series].map(([name, own]) => {
    const places = [...grouped(own, ({ x }) => Number(x))]
      .filter(([x]) => isDrawable(x, log.x)).sort(([a], [b]) => a - b);
    const drawn = places.map(([x, those]) => {
      const all = those.map(({ value }) => Number(value));
      return { x, all, values: all.filter((value) => isDrawable(value, log.y)) };
    });
    return {
      name,
      repeats: places.some(([, those]) => new Set(those.map(({ seed }) => seed)).size < those.length),
      x: Float64Array.from(drawn, ({ x }) => x),
      mean: Float64Array.from(drawn, ({ values }) => average(values)),
      said: Float64Array.from(drawn, ({ all, values }) => average(values.length ? values : all)),
      dots: {
        x: Float64Array.from(drawn.flatMap(({ x, values }) => values.map(() => x))),
        y: Float64Array.from(drawn.flatMap(({ values }) => values)),
      },
      nonfinite: Float64Array.from(drawn.filter(({ all }) => !all.every(Number.isFinite)),
        ({ x }) => x),
      seeds: new Set(own.map(({ seed }) => seed)).size,
    };
  });
}

/**
 * Things by some key of theirs, in the order of its first appearance.
 * @template Thing, Key
 * @param {Thing[]} things
 * @param {(thing: Thing) => Key} keyOf
 */
export function grouped(things, keyOf) {
  /** @type {Map<Key, Thing[]>} */
  const found = new Map();
  for (const thing of things) {
    const key = keyOf(thing);
    const group = found.get(key);
    if (group) group.push(thing);
    else found.set(key, [thing]);
  }
  return found;
}

/**
 * The points that no line joins.
 * @param {{ x: Float64Array, y: Float64Array }} line
 */
export function alone({ x, y }) {
  const places = [...y.keys()].filter((at) => Number.isFinite(y[at])
    && !Number.isFinite(y[at - 1]) && !Number.isFinite(y[at + 1]));
  return { x: Float64Array.from(places, (at) => x[at]), y: Float64Array.from(places, (at) => y[at]) };
}

/** @param {number[]} values */
const average = (values) => values.reduce((sum, value) => sum + value / values.length,
  values.length ? 0 : NaN);

/**
 * What is not drawn, in words: "not drawn: 3 NaN, 1 infinite"; empty where everything is.
 * @param {Measurement[]} measurements
 * @param {Logs} log
 */
export function oddWords(measurements, log) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { x, value } of measurements) {
    const kind = kindOf(Number(value), log.y) ?? (kindOf(Number(x), log.x) && "beside the axis");
    if (kind) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const words = [...counts].map(([kind, count]) => `${whole(count)} ${kind}`);
  return words.length ? `not drawn: ${words.join(", ")}` : "";
}

/**
 * @param {number} value
 * @param {boolean} log
 */
function kindOf(value, log) {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return "infinite";
  if (Math.abs(value) > LARGEST) return TOO_LARGE;
  return log && value <= 0 ? "0 or less" : null;
}

/**
 * The lowest and the highest of all numbers; null when there are none.
 * @param {Float64Array[]} columns
 * @returns {Range | null}
 */
export function extentOf(columns) {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    for (const value of column) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/**
 * The x of all lines that is nearest to a place on the axis; null when there is none.
 * @param {{ x: Float64Array }[]} lines
 * @param {number} share From 0, the left end of the axis, to 1
 * @param {Range} range Of the axis, in powers of ten where it is logarithmic
 * @param {boolean} log
 */
export function nearestX(lines, share, [low, high], log) {
  const wanted = low + share * (high - low);
  /** @type {{ x: number, distance: number } | null} */
  let best = null;
  for (const { x: all } of lines) {
    for (const x of all) {
      const distance = Math.abs((log ? Math.log10(x) : x) - wanted);
      if (!best || distance < best.distance) best = { x, distance };
    }
  }
  return best ? best.x : null;
}
