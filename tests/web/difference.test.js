import assert from "node:assert/strict";
import { test } from "node:test";

import { difference } from "../../web/difference.js";
import { decode, NAN, NULL, NUMBER } from "../../web/series.js";
import { frameOf } from "./encoding.js";

const rowsOf = (records, width = 1) =>
  decode(frameOf(records, { latest: records.at(-1)[0], width })).series[0].rows;

test("of records it is their difference, at the steps that both have", () => {
  const { step, last, columns: { loss } } =
    difference(rowsOf([[1, 5], [2, 7], [4, 9]]), rowsOf([[2, 3], [3, 1], [4, 10], [5, 0]]));
  assert.deepEqual([[...step], [...last]], [[2, 4], [2, 4]]);
  assert.deepEqual([[...loss.lo], [...loss.hi]], [[4, -1], [4, -1]]);
});

test("of buckets it is between bounds that hold every difference within them", () => {
  const random = (seed) => Array.from({ length: 64 }, (_, at) =>
    [at, Math.sin(seed * (at + 1) ** 2) * 10]);
  const [arm, reference] = [random(3), random(5)];
  const { step, columns: { loss } } = difference(rowsOf(arm, 8), rowsOf(reference, 8));
  assert.equal(step.length, 8);
  for (const [at, value] of arm) {
    const exact = value - reference[at][1];
    const row = Math.floor(at / 8);
    assert.ok(loss.lo[row] <= exact && exact <= loss.hi[row]);
  }
});

test("NaN, ∞ − ∞ and what does not apply stay what they are", () => {
  const { columns: { loss } } = difference(
    rowsOf([[1, NaN], [2, Infinity], [3, Infinity], [4, null], [5, 2]]),
    rowsOf([[1, 1], [2, 1], [3, Infinity], [4, 1], [5, null]]));
  assert.deepEqual([...loss.flag], [NAN, NUMBER, NAN, NULL, NULL]);
  assert.equal(loss.lo[1], Infinity);
});

test("an arm that ended sooner is compared as far as it went", () => {
  const { step } = difference(rowsOf([[0, 1], [1, 2]]), rowsOf([[0, 1], [1, 1], [2, 1], [3, 1]]));
  assert.deepEqual([...step], [0, 1]);
});
