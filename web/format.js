/** Numbers and times for people: thousands separated by commas, a true minus, units spaced. */

/** @import { Real } from "./types" */

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

/**
 * A float as JSON carries it.
 * @param {Real | null | undefined} value
 * @returns {number | null}
 */
export function real(value) {
  return value === null || value === undefined ? null : Number(value);
}

/** @param {number} value */
function special(value) {
  return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
}

/** @param {string} text */
export function minus(text) {
  return text.replaceAll("-", "−");
}

/** @param {number} value A whole number, such as a step. */
export function whole(value) {
  return Number.isFinite(value) ? minus(WHOLE.format(value)) : special(value);
}

/**
 * A measured number in a few significant digits, in powers of ten where it is far from 1.
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 3) {
  if (!Number.isFinite(value)) return special(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) {
    const [front, power] = value.toExponential(digits - 1).split("e");
    return minus(`${front}e${Number(power)}`);
  }
  if (size >= 1000) return whole(value);
  return minus(Number(value.toPrecision(digits)).toFixed(decimals(size, digits)));
}

/**
 * @param {number} size From 0.001 to 1,000
 * @param {number} digits
 */
function decimals(size, digits) {
  return Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
}

/** @param {number} value A share from 0 to 1. */
export function percent(value) {
  if (!Number.isFinite(value)) return special(value);
  return minus(`${(100 * value).toFixed(1)} %`);
}

/**
 * The values of a bucket: one number, or from the smallest to the largest.
 * @param {number} low
 * @param {number} high
 * @param {(value: number, digits?: number) => string} format
 */
export function span(low, high, format) {
  if (format(low) === format(high)) return format(low);
  const [from, to] = [format(low, 2), format(high, 2)];
  if (from === to) return from;
  const [unit] = /( %|e.\d*)$/.exec(to) ?? [""]; // said once where both have it
  if (unit && low >= 0 && from.endsWith(unit)) return `${from.slice(0, -unit.length)}–${to}`;
  return low >= 0 ? `${from}–${to}` : `${from} to ${to}`;
}

/**
 * @param {number} first
 * @param {number} last
 */
export function steps(first, last) {
  return first === last ? `step ${whole(first)}` : `steps ${whole(first)}–${whole(last)}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "unknown";
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(seconds < 1 ? 1 : 0)} s`;
  const all = Math.round(seconds);
  if (all < 60) return `${all} s`;
  if (all < 3600) return `${Math.floor(all / 60)} min ${all % 60} s`;
  if (all < 86_400) return `${Math.floor(all / 3600)} h ${Math.floor((all % 3600) / 60)} min`;
  return `${Math.floor(all / 86_400)} d ${Math.floor((all % 86_400) / 3600)} h`;
}

/** @param {number} count */
export function bytes(count) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let power = 0;
  while (count >= 999.5 && power < units.length - 1) {
    count /= 1000;
    power += 1;
  }
  return `${power === 0 || count >= 9.95 ? count.toFixed(0) : count.toFixed(1)} ${units[power]}`;
}

/** @param {number} rate Steps per second. */
export function speed(rate) {
  return `${rate >= 100 ? whole(rate) : number(rate)} steps/s`;
}

/**
 * How long ago, roughly.
 * @param {string} time ISO 8601
 * @param {number} [now] Milliseconds
 */
export function age(time, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  const days = Math.floor(seconds / 86_400);
  return days < 60 ? `${days} d ago` : exact(time).slice(0, 10);
}

/**
 * A moment, to the second, in the reader's own time zone.
 * @param {string} time ISO 8601
 */
export function exact(time) {
  const date = new Date(time);
  /** @param {number} part */
  const two = (part) => String(part).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

/**
 * What made a run: "shiftscope 0.1.0, torch 2.13.0, Python 3.11.7".
 * @param {Record<string, string>} versions
 */
export function versionWords(versions) {
  return Object.entries(versions)
    .map(([name, version]) => `${name === "python" ? "Python" : name} ${version}`).join(", ");
}
