import assert from "node:assert/strict";
import { test } from "node:test";

import { beside, byKey } from "../../web/scrub.js";

/** @param {number[]} steps */
const rows = (...steps) => ({ width: 1, step: Float64Array.from(steps),
  last: Float64Array.from(steps), columns: {} });

test("the scrubber goes to the nearest record of any series, after or before", () => {
  const all = [rows(0, 250, 500), rows(1, 11, 251, 261)];
  assert.equal(beside(all, 11, 1), 250);
  assert.equal(beside(all, 250, 1), 251);
  assert.equal(beside(all, 250, -1), 11);
  assert.equal(beside(all, 120, -1), 11);
});

test("before the first record and after the last there is none", () => {
  const all = [rows(5, 9), rows()];
  assert.equal(beside(all, 5, -1), null);
  assert.equal(beside(all, 9, 1), null);
  assert.equal(beside([], 3, 1), null);
});

test("the arrows go from value to value, from nowhere to an end, and stop there", () => {
  const all = [rows(5, 9), rows(7)];
  assert.deepEqual(["ArrowLeft", "ArrowRight", "Home", "End"].map((key) => byKey(all, null, key)),
    [9, 5, 5, 9]);
  assert.deepEqual(["ArrowLeft", "ArrowRight"].map((key) => byKey(all, 7, key)), [5, 9]);
  assert.deepEqual([byKey(all, 5, "ArrowLeft"), byKey(all, 9, "ArrowRight")], [5, 9]);
  assert.deepEqual([byKey([], null, "End"), byKey(all, 7, "x")], [null, undefined]);
});
