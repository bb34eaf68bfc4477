import assert from "node:assert/strict";
import { test } from "node:test";

import { acrossOf, apart, heightOf, marksOf, mostVaried, outcomeWords, pointsOf, shortName,
  valueWords, wordsByX } from "../../web/swept.js";

/** @import { ArmSummary, Json, OverSeeds, SweepMember } from "../../web/types" */

/** @type {(value: any, low?: any, high?: any) => OverSeeds} */
const over = (value, low = null, high = null) => ({ value, low, high, seeds: 2 });

/** @type {(changes?: Partial<ArmSummary>) => ArmSummary} */
const summary = (changes = {}) => ({ arm: "a", seeds: 2, diverged: 0, reached: 2,
  last_accuracy: over(0.9, 0.85, 0.95), steps_to_target: over(100, 50, 200), ...changes });

/** @type {(values: Json[], ...arms: ArmSummary[]) => SweepMember} */
const member = (values, ...arms) => ({ run: /** @type {any} */ ({ id: 1 }), values, arms });

/** @param {any[]} marks */
const brief = (marks) => marks.map(({ kind, x, y }) => [kind, [...x], ...y ? [[...y]] : []]);

test("an axis is logarithmic where values above 0 span a decade", () => {
  assert.equal(acrossOf([0.01, 0.1]).log, true);
  assert.equal(acrossOf([0.01, 0.09]).log, false);
  assert.equal(acrossOf([0, 100]).log, false);
  const { range, values, labels } = acrossOf([0.01, 1, 10]).axis(8);
  assert.ok(range[0] > -2.3 && range[0] < -2 && range[1] > 1 && range[1] < 1.3);
  assert.deepEqual([values, labels], [[0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"]]);
});

test("words have a place each, in the order in which they come", () => {
  const across = acrossOf(["sigmoid", "relu", "sigmoid", null]);
  assert.deepEqual(["relu", null, "sigmoid"].map(across.placeOf), [1, 2, 0]);
  assert.deepEqual(across.axis(5).labels, ["sigmoid", "relu", "empty"]);
  assert.equal(across.words(1), "relu");
  assert.deepEqual([[100, 50], true, 1000, 0.5].map(valueWords), ["100-50", "yes", "1,000", "0.5"]);
});

test("runs are apart by all settings but the one on the axis, which is the most varied", () => {
  const members = [[0.1, 20], [0.1, 60], [1, 20], [1, 60], [10, 20]].map((values) => member(values));
  assert.equal(mostVaried(members), 0);
  assert.deepEqual(apart(members, 0).map(({ members: own }) => own.map(({ values }) => values)),
    [[[0.1, 20], [1, 20], [10, 20]], [[0.1, 60], [1, 60]]]);
});

test("an arm's points are joined and have intervals; where there is none is a tick", () => {
  const members = [member([10], summary()),
    member([1], summary({ last_accuracy: over(0.5, 0.4, 0.6), steps_to_target: null, reached: 1 })),
    member([5], summary({ last_accuracy: over("NaN"), diverged: 1 })), member([7])];
  const points = pointsOf(members, 0, ([value]) => Number(value));
  assert.deepEqual(points.map(({ x }) => x), [1, 5, 10], "of runs that finished, by x");
  /** @type {{ dash: "solid", joined: boolean }} */
  const joined = { dash: "solid", joined: true };
  const accuracy = marksOf(points, 0, { outcome: "last_accuracy", ...joined });
  assert.deepEqual(brief(accuracy), [["line", [1, 10], [0.5, 0.9]],
    ["line", [1, 1, NaN, 10, 10, NaN], [0.4, 0.6, NaN, 0.85, 0.95, NaN]], ["rug", [5]]]);
  assert.deepEqual(heightOf(accuracy, [0, 0.92]), [0.4, 0.92], "an interval is cut, no point is");
  assert.deepEqual(heightOf(accuracy, [0, 0.7]), [0.4, 0.9]);
  assert.deepEqual(heightOf([], [1, 50]), [1, 50]);
  assert.deepEqual(brief(marksOf(points, 0,
    { outcome: "steps_to_target", dash: "solid", joined: false })),
  [["dots", [5, 10], [100, 100]], ["rug", [1]]]);
});

test("outcomes are said with their intervals, or why there is none", () => {
  assert.equal(outcomeWords(summary(), "last_accuracy"), "90.0 % (85.0 to 95.0)");
  assert.equal(outcomeWords(summary({ steps_to_target: over(1234.4) }), "steps_to_target"), "1,234");
  assert.equal(outcomeWords(summary({ steps_to_target: null, reached: 1 }), "steps_to_target"),
    "not reached with 1 of 2 seeds");
  assert.equal(outcomeWords(summary({ diverged: 1, seeds: 1 }), "last_accuracy"), "diverged");
  const points = [0.5, 0.9].map((value) => ({ x: 1, arm: summary({ last_accuracy: over(value) }) }));
  const { said } = wordsByX([...points, { x: 1, arm: summary({ last_accuracy: over("NaN") }) },
    { x: 2, arm: summary() }], "last_accuracy");
  assert.deepEqual([said(0), said(1)], ["3 runs, 50.0 to 90.0 %, 1 without a point", "90.0 % (85.0 to 95.0)"]);
  assert.equal(shortName("optimizer.lr", ["optimizer.lr", "batch_size"]), "lr");
  assert.equal(shortName("optimizer.lr", ["optimizer.lr", "arms.1.lr"]), "optimizer.lr");
});
