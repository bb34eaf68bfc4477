import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { gamma } from "../../web/charts/affine.js";
import { meanDrift, varDrift } from "../../web/charts/drift.js";
import { fan } from "../../web/charts/fan.js";
import { inferenceGap } from "../../web/charts/gap.js";
import { activationGradient, weightGradient } from "../../web/charts/gradients.js";
import { testLoss, trainLoss } from "../../web/charts/loss.js";
import { effectiveRank, probeCharts } from "../../web/charts/probe.js";
import { dead, saturated } from "../../web/charts/units_at_rest.js";
import { updateRatio } from "../../web/charts/update.js";
import { DRAWN } from "../../web/evidence.js";

const CHARTS = [inferenceGap, fan, activationGradient, weightGradient, testLoss, trainLoss, gamma,
  meanDrift, varDrift, effectiveRank, ...probeCharts("w1"), dead, saturated, updateRatio];
/** Statistics that show in a chart of what is computed from the same numbers. */
const INDIRECT = new Set(["std", "unit_records.std", "nonfinite", "weight_norm"]);
const NETWORKS = /** @type {any[]} */ ([{ id: 1, arm: "BatchNorm", layers: [
  { id: 10, name: "hidden1", norm: "batch", activation: "relu" }] }]);

test("a statistic leads to a chart that there is, and that draws it", () => {
  for (const [statistic, { chart: id }] of DRAWN) {
    if (id === null) continue;
    const chart = CHARTS.find((one) => one.id === id);
    assert.ok(chart, `${statistic}: no chart ${id}`);
    const drawn = ["hidden1", null].flatMap((layer) => chart.needs({ networks: NETWORKS, layer }))
      .flatMap(({ statistics }) => statistics);
    assert.ok(INDIRECT.has(statistic) || drawn.includes(statistic), `${id} has no ${statistic}`);
  }
});

test("there is a place for the statistic of every rule", () => {
  const folder = new URL("../../trainer/rules/", import.meta.url);
  const named = readdirSync(folder).filter((file) => file.endsWith(".py"))
    .flatMap((file) => [...readFileSync(new URL(file, folder), "utf-8")
      .matchAll(/^ {4}statistic="(\w+)",$/gm)].map(([, statistic]) => statistic));
  assert.ok(named.length > 10);
  for (const statistic of named) assert.ok(DRAWN.has(statistic), statistic);
});
