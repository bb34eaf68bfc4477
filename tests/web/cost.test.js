import assert from "node:assert/strict";
import { test } from "node:test";

import { capOf, costWords, measuredWords, waitedWords } from "../../web/cost.js";

test("the cost of observing is a share, and the steps it rests on", () => {
  const words = (run, cap = null) => costWords({ overhead: null, looked: null, step: 0, ...run }, cap);
  assert.equal(words({ overhead: 0.018, looked: 50, step: 50 }),
    "watching costs 1.8 % · every step");
  assert.equal(words({ overhead: 0.0194, looked: 1204, step: 50_000 }, 0.02),
    "watching costs 1.9 % · looked at 1,204 of 50,000 steps (cap 2 %)");
  assert.equal(words({ looked: 7, step: 7 }, 0.025), "every step (cap 2.5 %)");
  assert.equal(words({ overhead: 0.0004 }), "watching costs less than 0.1 %");
});

test("what is not known is not said", () => {
  assert.equal(costWords({ overhead: null, looked: null, step: 9 }, null), "");
  assert.equal(costWords({ overhead: "NaN", looked: 0, step: 0 }, 0.02), "");
  assert.equal(waitedWords({ waited: null }), "");
  assert.equal(waitedWords({ waited: 0.04 }), "");
});

test("a loop that waited says for how long, and that nothing is dropped", () => {
  assert.equal(waitedWords({ waited: 12.34 }),
    "the loop waited 12.3 s for the recorder: nothing is dropped");
  assert.match(waitedWords({ waited: 75 }), /waited 1 min 15 s for/);
});

test("what gradient shift and landscape took is said where they were measured", () => {
  assert.equal(measuredWords({ measured: 3.21 }), "3.2 s more for gradient shift and landscape");
  assert.equal(measuredWords({ measured: 0 }), "");
  assert.equal(measuredWords({ measured: null }), "");
});

test("the cap is the experiment's, in percent, or the program's own, as a share", () => {
  assert.equal(capOf({ experiment: { recording: { overhead: 2 } }, watched: null }), 0.02);
  assert.equal(capOf({ experiment: { recording: { overhead: null } }, watched: null }), null);
  assert.equal(capOf({ experiment: {}, watched: null }), null);
  assert.equal(capOf({ experiment: null, watched: { overhead_cap: 0.05 } }), 0.05);
});
