import assert from "node:assert/strict";
import { test } from "node:test";

import { grouped, placeOf } from "../../web/findings.js";
import { format, ofRun } from "../../web/location.js";

/** @import { Finding } from "../../web/types" */

/**
 * @param {Partial<Finding>} given
 * @returns {Finding}
 */
const finding = (given) => ({
  id: 1, rule: "dead_units", title: "Dead units", severity: "warning", network_id: 3, arm: "none",
  seed: 0, layer_id: 5, layer: "hidden1", first_step: 251, last_step: 1491,
  evidence: { table: "layer_records", statistic: "dead", value: 0.9, threshold: 0.25, first: 501,
    last: 525 },
  sentence: "hidden1: 0.9 of its units give 0 for every example.", why: "", advice: "", ...given });

test("findings of one rule are one to read, by arm with its layers, seeds and steps", () => {
  const groups = grouped([
    finding({ layer: "hidden1", seed: 1 }), finding({ layer: "hidden2", first_step: 1 }),
    finding({ arm: "BatchNorm", last_step: 2000 }),
    finding({ rule: "stalled", arm: null, seed: null, layer: null }),
  ]);
  assert.deepEqual(groups.map(({ rule }) => rule), ["dead_units", "stalled"]);
  assert.deepEqual(groups.flatMap(({ arms }) => arms).map(({ arm, seeds, layers, first, last }) =>
    [arm, seeds, layers, first, last]), [
    ["none", [0, 1], ["hidden1", "hidden2"], 1, 1491],
    ["BatchNorm", [0], ["hidden1"], 251, 2000],
    [null, [], [], 251, 1491],
  ]);
});

test("evidence leads to the chart of its statistic, at its steps, layer and seed", () => {
  const here = { ...ofRun(7), tab: "findings", seed: 1, find: "conv" };
  assert.equal(format(placeOf(finding({ seed: 2 }), here)),
    "/runs/7?tab=gradients&seed=2&steps=451-575&layer=hidden1&step=525&chart=dead%3Ahidden1");
  const evidence = { table: "evaluations", statistic: "test_loss", value: 1, threshold: 1, first: 10,
    last: 10 };
  assert.equal(format(placeOf(finding({ evidence, layer: null }), here)),
    "/runs/7?seed=0&steps=0-60&step=10&chart=test-loss");
});

test("a shift on the probe leads to the distance that it was found in, whatever was named before", () => {
  const here = { ...ofRun(7), tab: "findings", step: 3, chart: "fan:hidden1" };
  const evidence = { table: "probe_records", statistic: "w1_from_previous_median", value: 6,
    threshold: 3, first: 200, last: 200 };
  const { tab, chart, step } = placeOf(finding({ evidence, layer: "hidden2" }), here);
  assert.deepEqual([tab, chart, step], ["shift", "probe-w1-from-previous:hidden2", 200]);
  const stalled = { ...evidence, table: "network_records", statistic: "seconds" };
  assert.equal(format(placeOf(finding({ evidence: stalled, seed: null, layer: null }), here)),
    "/runs/7?tab=settings");
});
