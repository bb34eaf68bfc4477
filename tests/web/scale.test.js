import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, linearAxis, logAxis, roundUp, shareAxis, stepAxis, wholeSteps } from "../../web/scale.js";

test("round distances are 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual([0.7, 1, 1.2, 3, 5, 6, 240].map(roundUp), [1, 1, 2, 5, 5, 10, 500]);
});

test("a linear axis holds its values, ends on ticks and does not invent negative room", () => {
  for (const extent of [[0, 0.97], [-3.2, 4.1], [1e-7, 3e-7], [12, 12], [0, 0], [-5, -5]]) {
    const { range, tick } = linearAxis(/** @type {any} */ (extent));
    assert.ok(range[0] <= extent[0] && extent[1] <= range[1], `${extent}: ${range}`);
    assert.ok(range[0] < range[1] && tick > 0);
    if (extent[0] >= 0) assert.ok(range[0] >= 0, `${extent}: ${range}`);
  }
  assert.deepEqual(linearAxis(null), { range: [0, 1], tick: 1 });
});

test("a linear axis stays as it is while values grow a little", () => {
  assert.deepEqual(linearAxis([0, 0.61]).range, linearAxis([0, 0.66]).range);
});

test("a logarithmic axis goes from decade to decade, or close in within one", () => {
  assert.deepEqual(logAxis([2e-5, 0.3]), { range: [-5, 0], tick: 2 });
  const { range, tick } = logAxis([2, 3]);
  assert.ok(range[0] <= Math.log10(2) && Math.log10(3) <= range[1]);
  assert.equal(tick, "D2");
});

test("shares never go beyond 0 and 1", () => {
  assert.deepEqual(shareAxis([0.1, 0.999]).range, [0, 1]);
  assert.deepEqual(shareAxis(null).range, [0, 1]);
});

test("steps are whole, at least two, and within the run", () => {
  assert.deepEqual(stepAxis([0, 0], 400).range, [0, 1]);
  assert.equal(stepAxis([10, 12], 400).tick, 1);
  assert.deepEqual(wholeSteps([10.2, 99.9], 1000), [11, 99]);
  assert.deepEqual(wholeSteps([10.2, 10.4], 1000), [11, 12]);
  assert.deepEqual(wholeSteps([-50, 5000], 1000), [0, 1000]);
  assert.deepEqual(wholeSteps([2000, 3000], 1000), [999, 1000]);
});

test("moving and scaling a range keep it within the run", () => {
  assert.deepEqual(changed([100, 200], 1000, { move: 0.5 }), [150, 250]);
  assert.deepEqual(changed([100, 200], 1000, { move: -5 }), [0, 100]);
  assert.deepEqual(changed([900, 1000], 1000, { move: 1 }), [900, 1000]);
  assert.deepEqual(changed([100, 200], 1000, { scale: 0.5 }), [125, 175]);
  assert.deepEqual(changed([100, 200], 1000, { scale: 100 }), [0, 1000]);
});
