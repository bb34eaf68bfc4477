import assert from "node:assert/strict";
import { test } from "node:test";

import { extentOf, linesOf, nearestX, oddWords } from "../../web/quantity.js";

/** @import { Measurement } from "../../web/types" */

/** @type {(seed: number, series: string, x: any, value: any) => Measurement} */
const found = (seed, series, x, value) => ({ seed, quantity: "q", series, x, value });
const LINEAR = { x: false, y: false };
const LOG = { x: true, y: true };

test("a line joins the means over the seeds, in the order of x", () => {
  const lines = linesOf([found(0, "b", 10, 1), found(0, "b", 2, 5), found(1, "b", 10, 3),
    found(0, "a", 1, 7)], LINEAR);
  assert.deepEqual(lines.map(({ name, seeds }) => [name, seeds]), [["b", 2], ["a", 1]]);
  assert.deepEqual([...lines[0].x], [2, 10]);
  assert.deepEqual([...lines[0].mean], [5, 2]);
  assert.deepEqual([...lines[0].dots.y], [5, 1, 3]);
});

test("values that one seed has at one x are told apart from those of several seeds", () => {
  const [twice] = linesOf([found(0, "a", 1, 1), found(0, "a", 1, 3), found(0, "a", 2, 4)], LINEAR);
  assert.deepEqual([twice.seeds, twice.repeats, [...twice.mean]], [1, true, [2, 4]]);
  assert.deepEqual([...twice.dots.y], [1, 3, 4]);
  const [once] = linesOf([found(0, "a", 1, 1), found(1, "a", 1, 3)], LINEAR);
  assert.deepEqual([once.seeds, once.repeats], [2, false]);
});

test("what cannot be drawn is left out and counted in words", () => {
  const all = [found(0, "a", 1, "NaN"), found(1, "a", 1, 4), found(0, "a", 2, "Infinity"),
    found(0, "a", 3, 0), found(0, "a", 0, 1)];
  const [line] = linesOf(all, LOG);
  assert.deepEqual([...line.x], [1, 2, 3]);
  assert.deepEqual([...line.mean], [4, NaN, NaN]);
  assert.deepEqual([...line.said], [4, Infinity, 0]);
  assert.deepEqual([...line.nonfinite], [1, 2]);
  assert.deepEqual([...line.dots.y], [4]);
  assert.equal(oddWords(all, LOG), "not drawn: 1 NaN, 1 infinite, 1 0 or less, 1 beside the axis");
  assert.equal(oddWords(all, LINEAR), "not drawn: 1 NaN, 1 infinite");
  assert.equal(oddWords([found(0, "a", 1, 1)], LOG), "");
  const large = [found(0, "a", 1, 1e308), found(0, "a", 2, -1e308), found(0, "a", 1e308, 5)];
  assert.equal(linesOf(large, LINEAR)[0].dots.y.length, 0);
  assert.equal(oddWords(large, LINEAR), "not drawn: 2 beyond ±1e307, 1 beside the axis");
});

test("the extent holds every number, and the nearest x is that on the axis as it is drawn", () => {
  assert.deepEqual(extentOf([Float64Array.of(3, NaN), Float64Array.of(-1)]), [-1, 3]);
  assert.equal(extentOf([Float64Array.of(NaN)]), null);
  const lines = linesOf([found(0, "a", 1, 1), found(0, "b", 1000, 1)], LOG);
  assert.equal(nearestX(lines, 0.4, [0, 3], true), 1);
  assert.equal(nearestX(lines, 0.6, [0, 3], true), 1000);
  assert.equal(nearestX(lines, 0.6, [0, 2000], false), 1000);
  assert.equal(nearestX([], 0.5, [0, 1], false), null);
});
