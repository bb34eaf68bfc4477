/** Calm axes: ranges that end on round numbers, so that they rarely move while curves grow. Pure. */

/** @import { Axis, Range } from "./types" */

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
 * @returns {Axis}
 */
export function stepAxis([first, last], width, spacing = 88) {
  const end = Math.max(last, first + 1);
  const ticks = Math.max(1, width / spacing);
  return { range: [first, end], tick: Math.max(1, roundUp((end - first) / ticks)) };
}

/**
 * A linear axis around the values, from tick to tick.
 * @param {Range | null} extent
 * @param {number} [ticks] About how many
 * @returns {Axis}
 */
export function linearAxis(extent, ticks = 4) {
  if (extent === null) return { range: [0, 1], tick: 1 };
  let [low, high] = extent;
  if (high - low <= 1e-12 * Math.max(Math.abs(low), Math.abs(high))) {
    const room = low === 0 ? 1 : Math.abs(low) / 2; // a constant: put it into the middle
    [low, high] = [low - room, high + room];
  }
  const tick = roundUp((high - low) / ticks);
  const room = 0.02 * (high - low);
  const from = Math.floor((low - room) / tick) * tick;
  const to = Math.ceil((high + room) / tick) * tick;
  return { range: [extent[0] >= 0 ? Math.max(0, from) : from, to], tick };
}

/**
 * A logarithmic axis around values above 0; its range is in powers of ten, as Plotly takes it.
 * @param {Range | null} extent
 * @param {number} [ticks] At most how many
 * @returns {Axis}
 */
export function logAxis(extent, ticks = 4) {
  if (extent === null) return { range: [-1, 0], tick: 1 };
  const [low, high] = [Math.log10(extent[0]), Math.log10(extent[1])];
  if (high - low < 1) {
    const room = Math.max(0.05, (high - low) * 0.08);
    return { range: [low - room, high + room], tick: "D2" };
  }
  const [from, to] = [Math.floor(low - 0.02), Math.ceil(high + 0.02) + 0];
  return { range: [from, to], tick: Math.max(1, Math.ceil((to - from) / ticks)) };
}

/**
 * An axis of shares: like `linearAxis`, never beyond 0 and 1.
 * @param {Range | null} extent
 * @param {number} [ticks]
 * @returns {Axis}
 */
export function shareAxis(extent, ticks = 4) {
  const { range, tick } = linearAxis(extent ?? [0, 1], ticks);
  return { range: [Math.max(0, range[0]), Math.min(1, range[1])], tick };
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
