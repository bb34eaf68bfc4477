import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../web/series.js";
import { smoothed } from "../../web/smoothing.js";
import { frameOf } from "./encoding.js";

/** @param {[number, number | null][]} records */
const average = (records, halfLife, width = 1) => {
  const { rows } = decode(frameOf(records, { latest: records.at(-1)[0], width })).series[0];
  const { x, y } = smoothed(rows, rows.columns.loss, halfLife);
  return { x: [...x], y: [...y] };
};
const close = (a, b) => assert.ok(a.every((value, at) => Object.is(value, b[at]) ||
  Math.abs(value - b[at]) < 1e-12) && a.length === b.length, `${a} is not ${b}`);

test("a record one half-life back counts half, and the first ones are not drawn towards 0", () => {
  close(average([[1, 4], [2, 4], [3, 4]], 10).y, [4, 4, 4]);
  close(average([[10, 3], [20, 0]], 10).y, [3, 1]);
  close(average([[0, 8], [1, 0], [2, 0]], 1).y, [8, 8 / 3, 8 / 7]);
});

test("weights go by steps, so that sparse records are not smeared into each other", () => {
  const { y } = average([[0, 1], [1000, 5], [2000, 9]], 10);
  close(y, [1, 5, 9]);
});

test("what is not finite leaves a gap and poisons nothing; what does not apply is passed over", () => {
  const records = [[1, 2], [2, NaN], [3, Infinity], [4, null], [5, 2]];
  assert.deepEqual(average(/** @type {any} */ (records), 5), { x: [1, 2, 3, 5], y: [2, NaN, NaN, 2] });
});

test("a bucket counts by its middle; one that held a NaN leaves a gap", () => {
  const { x, y } = average([[0, 0], [3, 4], [4, 6], [7, 6], [8, 1], [9, NaN]], 1e9, 4);
  close(x, [1.5, 5.5, 8.5]);
  close(y.slice(0, 2).map((value) => Number(value.toFixed(6))), [2, 4]);
  assert.ok(Number.isNaN(y[2]));
});
