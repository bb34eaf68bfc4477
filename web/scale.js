/** Calm axes: ranges that end on round numbers, so that they rarely move. Pure. */

/** @import { Range, StepAxis, ValueAxis } from "./types" */

/** Of numbers beyond it the distance, and with it an axis, may be infinite. */
export const LARGEST = 1e307;
/** What is not drawn because of that, in words. */
export const TOO_LARGE = "beyond ±1e307";
/** What is closer together than that has no room for ticks. */
const LEAST = 1e-300;

/**
 * Whether an axis has a place for a number.
 * @param {number} value
 * @param {boolean} [log] Whether it is logarithmic
 */
export const isDrawable = (value, log = false) => Math.abs(value) <= LARGEST && (!log || value > 0);

/**
 * The smallest round distance (1, 2 or 5 times a power of ten) that is not below `size`.
 * @param {number} size
 */
export function roundUp(size) {
  const power = 10 ** Math.floor(Math.log10(size));
  const digit = size / power;
  return power * (digit <= 1.0001 ? 1 : digit <= 2.0001 ? 2 : digit <= 5.0001 ? 5 : 10);
}

/**
 * The step axis: its range as it is, with ticks about `spacing` pixels apart.
 * @param {Range} range
 * @param {number} width Pixels
 * @param {number} [spacing]
 * @returns {StepAxis}
 */
export function stepAxis([first, last], width, spacing = 64) {
  const end = Math.max(last, first + 1);
  const ticks = Math.max(1, width / spacing);
  return { range: [first, end], tick: Math.max(1, roundUp((end - first) / ticks)) };
}

/**
 * A linear axis that ends exactly where its range does.
 * @param {Range} range
 * @param {number} width Pixels
 * @param {number} [spacing] Pixels between ticks, about
 * @returns {ValueAxis}
 */
export function exactAxis(range, width, spacing = 64) {
  const tick = roundUp((range[1] - range[0]) / Math.max(1, width / spacing));
  const values = ticksWithin(range, tick);
  return { range, values, labels: decimals(values, tick) };
}

/**
 * A logarithmic axis that ends exactly where its range does.
 * @param {Range} range In powers of ten
 * @param {number} width Pixels
 * @param {number} [spacing] Pixels between ticks, at least
 * @returns {ValueAxis}
 */
export function exactLogAxis(range, width, spacing = 48) {
  return { range, ...logTicks(range, Math.max(1, width / spacing)) };
}

/**
 * A linear axis around the values; it ends on fifths of a tick, so that it grows in few steps.
 * @param {Range | null} extent
 * @param {number} [ticks] About how many
 * @returns {ValueAxis}
 */
export function linearAxis(extent, ticks = 4) {
  const { range, tick } = linearRange(extent ?? [0, 1], ticks);
  const values = ticksWithin(range, tick);
  return { range, values, labels: decimals(values, tick) };
}

/**
 * An axis of shares, in percent: like `linearAxis`, hardly beyond 0 and 1.
 * @param {Range | null} extent With numbers below 0 they are differences of shares
 * @param {number} [ticks]
 * @returns {ValueAxis}
 */
export function shareAxis(extent, ticks = 4) {
  const { range: [low, high], tick } = linearRange(extent ?? [0, 1], ticks);
  const from = (extent?.[0] ?? 0) < 0 ? low : Math.max(0, low);
  /** @type {Range} */
  const range = [from, Math.min(1 + 0.03 * (1 - from), high)]; // room for a point at 100 %
  const values = ticksWithin(range, tick).filter((value) => value <= 1);
  const labels = decimals(values.map((value) => 100 * value), 100 * tick);
  return { range, values, labels: labels.map((label) => `${label} %`) };
}

/**
 * @param {Range} extent
 * @param {number} ticks
 * @returns {{ range: Range, tick: number }}
 */
function linearRange(extent, ticks) {
  let [low, high] = extent;
  if (high - low <= Math.max(LEAST, 1e-12 * Math.max(Math.abs(low), Math.abs(high)))) {
    const room = Math.abs(low) <= LEAST ? 1 : Math.abs(low) / 2; // a constant: put it into the middle
    [low, high] = [low - room, high + room];
  }
  const tick = roundUp((high - low) / ticks);
  const room = 0.02 * (high - low);
  const end = tick / 5;
  const from = Math.floor((low - room) / end) * end;
  const to = Math.ceil((high + room) / end) * end;
  return { range: [extent[0] >= 0 ? Math.max(0, from) : from, to], tick };
}

/**
 * @param {Range} range
 * @param {number} tick
 */
function ticksWithin([low, high], tick) {
  const room = tick * 1e-6;
  const first = Math.ceil((low - room) / tick);
  const count = Math.floor((high + room) / tick) - first + 1;
  return Array.from({ length: count }, (_, at) => (first + at) * tick);
}

/**
 * Labels with as many decimals as the distance of ticks needs.
 * @param {number[]} values
 * @param {number} tick
 */
function decimals(values, tick) {
  const largest = Math.max(...values.map(Math.abs), tick);
  if (largest >= 1e5 || tick < 1e-4) return values.map((value) => brief(value, tick));
  const digits = Math.max(0, -Math.floor(Math.log10(tick) + 1e-9));
  return values.map((value) => signed(Number(value.toFixed(digits)) === 0 ? 0 : value, digits));
}

/**
 * @param {number} value
 * @param {number} digits
 */
function signed(value, digits) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits,
    maximumFractionDigits: digits }).replace("-", "−");
}

/**
 * @param {number} value
 * @param {number} tick
 */
function brief(value, tick) {
  if (Math.abs(value) < tick / 2) return "0";
  /** @param {number} size */
  const power = (size) => Math.floor(Math.log10(size) + 1e-9);
  const digits = power(Math.abs(value)) - power(tick);
  return value.toExponential(Math.max(0, digits)).replace("e+", "e").replaceAll("-", "−");
}

/**
 * A logarithmic axis around values above 0; its range is in powers of ten, as Plotly takes it.
 * @param {Range | null} extent
 * @param {number} [ticks] At most how many
 * @returns {ValueAxis}
 */
export function logAxis(extent, ticks = 4) {
  const [low, high] = (extent ?? [0.1, 1]).map(Math.log10);
  const room = Math.max(0.05, (high - low) * 0.08);
  /** @type {Range} */
  const range = high - low >= 1 ? [Math.floor(low - 0.02), Math.ceil(high + 0.02) + 0]
    : [low - room, high + room];
  return { range, ...logTicks(range, ticks) };
}

/**
 * Powers of ten; where the axis is shorter than one, 1, 2 and 5 of them.
 * @param {Range} range In powers of ten
 * @param {number} ticks At most how many
 * @returns {Pick<ValueAxis, "values" | "labels">}
 */
function logTicks(range, ticks) {
  if (range[1] - range[0] >= 1.2) {
    const every = Math.max(1, Math.ceil((range[1] - range[0]) / ticks));
    const powers = ticksWithin(range, every);
    return { values: powers.map((power) => Number(`1e${power}`)), labels: powerLabels(powers) };
  }
  const values = [];
  for (let power = Math.floor(range[0]); power <= range[1]; power++) {
    for (const digit of [1, 2, 5]) values.push(Number(`${digit}e${power}`));
  }
  const shown = values.map(Math.log10).filter((power) => power >= range[0] && power <= range[1])
    .map((power) => Number((10 ** power).toPrecision(1)));
  return { values: shown, labels: shown.map(plainLabel) };
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @param {number} value One digit, somewhere */
function plainLabel(value) {
  if (value < 1e-3 || value >= 1e6) return brief(value, value);
  return signed(value, Math.max(0, -Math.floor(Math.log10(value) + 1e-9)));
}

/** @param {number[]} powers */
function powerLabels(powers) {
  if (powers.every((power) => power >= -3 && power <= 3)) {
    return powers.map((power) => signed(10 ** power, Math.max(0, -power)));
  }
  return powers.map((power) => `10${[...String(power)]
    .map((digit) => digit === "-" ? "⁻" : SUPERSCRIPTS[Number(digit)]).join("")}`);
}

/**
 * A range of steps as a person dragged it: whole steps, at least two, within the run.
 * @param {Range} range
 * @param {number} latest
 * @returns {Range}
 */
export function wholeSteps([first, last], latest) {
  const from = Math.max(0, Math.min(Math.ceil(first), latest - 1));
  return [from, Math.max(from + 1, Math.min(Math.floor(last), latest))];
}

/**
 * Move or scale a range, keeping it within the run.
 * @param {Range} range
 * @param {number} latest
 * @param {{ move?: number, scale?: number }} change `move` in widths of the range
 * @returns {Range}
 */
export function changed([first, last], latest, { move = 0, scale = 1 }) {
  const width = Math.min(latest, Math.max(1, (last - first) * scale));
  const middle = (first + last) / 2 + move * (last - first);
  const from = Math.max(0, Math.min(latest - width, middle - width / 2));
  return wholeSteps([Math.round(from), Math.round(from + width)], latest);
}
