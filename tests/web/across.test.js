import assert from "node:assert/strict";
import { test } from "node:test";

import { acrossOf, axisOf, clockOf, converted, shareAt, stepAt, stepOf, unitsOf, words }
  from "../../web/across.js";

const RUN = { batch_size: 60, training_examples: 60_000 };
/** @param {[number, number][]} records Step and seconds */
const clock = (records) => {
  const step = Float64Array.from(records, ([at]) => at);
  const lo = Float64Array.from(records, ([, seconds]) => seconds);
  return { width: 1, step, last: step,
    columns: { seconds: { lo, hi: lo, flag: new Uint8Array(lo.length) } } };
};

test("only what a run can know of itself is offered", () => {
  assert.deepEqual(unitsOf(RUN), ["step", "examples", "epoch", "seconds"]);
  assert.deepEqual(unitsOf({ ...RUN, training_examples: null }), ["step", "examples", "seconds"]);
  assert.deepEqual(unitsOf({ batch_size: null, training_examples: 60_000 }), ["step", "seconds"]);
});

test("examples are steps × batch size, epochs are examples ÷ training set", () => {
  assert.equal(acrossOf("examples", false, RUN, undefined).to(10), 600);
  const epoch = acrossOf("epoch", false, RUN, undefined);
  assert.equal(epoch.to(1500), 1.5);
  assert.equal(epoch.from(2), 2000);
  assert.equal(words(epoch, 1500), "epoch 1.50");
});

test("seconds are as they were recorded, straight between records, on at their rate", () => {
  const { to, from } = acrossOf("seconds", false, RUN, clock([[10, 2], [20, 3], [40, 10]]));
  assert.deepEqual([0, 10, 15, 20, 30, 40, 60].map(to), [0, 2, 2.5, 3, 6.5, 10, 15]);
  for (const step of [0, 4, 10, 13, 20, 39, 40, 60]) assert.ok(Math.abs(from(to(step)) - step) < 1e-9);
});

test("the time is told by a network that goes on, else by the one that went on longest", () => {
  /** @param {...(number | null)} frozen */
  const told = (...frozen) => clockOf(/** @type {any[]} */ (
    frozen.map((step, id) => ({ id, frozen_step: step })))).id;
  assert.equal(told(null, null), 0);
  assert.equal(told(120, null, null), 1);
  assert.equal(told(120, 900, 300), 1);
  assert.equal(told(null, 900), 0);
});

test("a step's place on an axis leads back to it", () => {
  for (const unit of /** @type {const} */ (["step", "examples", "epoch", "seconds"])) {
    for (const log of [false, true]) {
      const across = acrossOf(unit, log, RUN, clock([[1, 0.5], [500, 9], [1000, 11]]));
      for (const step of [1, 7, 480, 1000]) {
        const share = shareAt(across, [0, 1000], step);
        assert.ok(share >= 0 && share <= 1, `${unit} ${log} ${step}`);
        assert.ok(Math.abs(stepAt(across, [0, 1000], share) - step) < 1e-6, `${unit} ${log} ${step}`);
      }
      assert.ok(Math.abs(shareAt(across, [200, 600], 200)) < 1e-9);
      assert.ok(Math.abs(shareAt(across, [200, 600], 600) - 1) < 1e-9);
    }
  }
});

test("a logarithmic axis begins with step 1 and leaves out what lies at 0", () => {
  const across = acrossOf("examples", true, RUN, undefined);
  const axis = axisOf(across, [0, 1000], 600);
  assert.deepEqual(axis.range.map((power) => Math.round(10 ** power)), [60, 60_000]);
  assert.deepEqual("values" in axis && axis.values, [100, 1000, 10_000]);
  const line = { kind: "line", arm: 0, dash: "solid", points: false, dense: false,
    x: Float64Array.of(0, 1, NaN, 2), y: Float64Array.of(5, 6, NaN, 7) };
  const { x, y } = /** @type {any} */ (converted(across, /** @type {any} */ (line)));
  assert.deepEqual([[...x], [...y]], [[60, NaN, 120], [6, NaN, 7]]);
  assert.equal(stepOf(across, Math.log10(600)).toFixed(6), "10.000000");
});

test("steps as they are need no conversion", () => {
  const mark = /** @type {any} */ ({ x: Float64Array.of(0, 1) });
  assert.equal(converted(acrossOf("step", false, RUN, undefined), mark), mark);
});
