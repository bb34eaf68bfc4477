import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, linearAxis, logAxis, roundUp, shareAxis, stepAxis, wholeSteps }
  from "../../web/scale.js";

test("round distances are 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual([0.7, 1, 1.2, 3, 5, 6, 240].map(roundUp), [1, 1, 2, 5, 5, 10, 500]);
});

test("a linear axis holds its values and does not invent negative room", () => {
  for (const extent of [[0, 0.97], [-3.2, 4.1], [1e-7, 3e-7], [12, 12], [0, 0], [-5, -5],
    [-1e307, 1e307], [1e307, 1e307], [0, 5e-324], [2e-310, 3e-310]]) {
    const { range, values, labels } = linearAxis(/** @type {any} */ (extent));
    assert.ok(range[0] <= extent[0] && extent[1] <= range[1], `${extent}: ${range}`);
    assert.ok(range[0] < range[1]);
    assert.ok(values.length >= 2 && values.length === labels.length, `${extent}: ${values}`);
    if (extent[0] >= 0) assert.ok(range[0] >= 0, `${extent}: ${range}`);
  }
});

test("a linear axis changes in few steps while values grow", () => {
  const ends = Array.from({ length: 1000 }, (_, at) => linearAxis([0, 0.5 + at / 2000]).range[1]);
  assert.ok(new Set(ends).size < 20);
});

test("labels of one axis have the same number of decimals and a true minus", () => {
  assert.deepEqual(linearAxis([-1, 2], 4).labels, ["−1", "0", "1", "2"]);
  assert.deepEqual(linearAxis([0, 1.7], 4).labels, ["0.0", "0.5", "1.0", "1.5"]);
  assert.deepEqual(linearAxis([0, 20000], 4).labels, ["0", "5,000", "10,000", "15,000", "20,000"]);
  assert.deepEqual(linearAxis([0, 3e-7], 3).labels, ["0", "1e−7", "2e−7", "3e−7"]);
  assert.deepEqual(linearAxis(null).labels.length > 1, true);
});

test("a logarithmic axis goes from decade to decade, or close in within one", () => {
  const { range, values, labels } = logAxis([2e-5, 0.3]);
  assert.deepEqual(range, [-5, 0]);
  assert.deepEqual(labels, ["10⁻⁴", "10⁻²", "10⁰"]);
  assert.deepEqual(values, [1e-4, 1e-2, 1]);
  assert.deepEqual(logAxis([0.02, 3]).labels, ["0.01", "0.1", "1", "10"]);
  const close = logAxis([2, 3]);
  assert.ok(close.range[0] <= Math.log10(2) && Math.log10(3) <= close.range[1]);
  assert.deepEqual(close.labels, ["2"]);
});

test("shares are said in percent and leave a little room above 100 %", () => {
  const { range, labels } = shareAxis([0.1, 1]);
  assert.ok(range[0] === 0 && range[1] > 1 && range[1] < 1.05);
  assert.equal(labels.at(-1), "100 %");
  assert.deepEqual(shareAxis([0.971, 0.989], 3).labels, ["97 %", "98 %", "99 %"]);
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
