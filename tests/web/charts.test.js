import assert from "node:assert/strict";
import { test } from "node:test";

import { loggedAccuracy, testAccuracy } from "../../web/charts/accuracy.js";
import { beta } from "../../web/charts/affine.js";
import { meanDrift } from "../../web/charts/drift.js";
import { withEnsemble } from "../../web/charts/ensemble.js";
import { fan } from "../../web/charts/fan.js";
import { activationGradient, gradientSignal } from "../../web/charts/gradients.js";
import { gradientShift, landscape } from "../../web/charts/landscape.js";
import { place } from "../../web/geometry.js";
import { keyOf } from "../../web/series.js";

const layer = (id, norm) =>
  ({ id, name: "hidden1", kind: "linear", norm, activation: "sigmoid", units: 100 });
const network = (id, arm, norm) => ({ id, arm, seed: 0, parameters: 1, weights_hash: "",
  diverged_step: null, frozen_step: null, layers: [layer(10 * id, norm)] });
const NETWORKS = [network(1, "none", "none"), network(2, "BatchNorm", "batch")];

/** @param {Record<string, number[]>} values */
function rows(values, width = 1) {
  const count = Object.values(values)[0].length;
  const step = Float64Array.from({ length: count }, (_, at) => 1 + at * width);
  const last = width === 1 ? step : step.map((first) => first + width - 1);
  const columns = Object.fromEntries(Object.entries(values).map(([name, list]) => {
    const lo = Float64Array.from(list);
    const flag = Uint8Array.from(list, (value) => (Number.isNaN(value) ? 2 : 0));
    return [name, { lo, hi: lo, flag }];
  }));
  return { width, step, last, columns };
}

/** @param {Map<string, any>} known */
const view = (known, more = {}) => ({ networks: NETWORKS, layer: "hidden1", skipped: [],
  range: [0, 1000], log: false, growing: true, loading: false, rows: (what) => known.get(keyOf(what)), ...more });

const layerKey = (id) => keyOf({ table: "layer_records", network_id: id, layer_id: 10 * id });

test("a chart asks for its statistics of every arm, and only where they apply", () => {
  assert.deepEqual(testAccuracy.needs({ networks: NETWORKS, layer: null }), [
    { table: "evaluations", network_id: 1, statistics: ["test_accuracy"] },
    { table: "evaluations", network_id: 2, statistics: ["test_accuracy"] },
  ]);
  assert.deepEqual(meanDrift.needs({ networks: NETWORKS, layer: "hidden1" }), [
    { table: "layer_records", network_id: 2, layer_id: 20, statistics: ["mean_drift"] },
  ]);
});

test("a chart without records says whether to wait for them", () => {
  assert.equal(testAccuracy.draw(view(new Map()))[0].note, "waiting for the first records");
  const ended = view(new Map(), { growing: false });
  assert.equal(testAccuracy.draw(ended)[0].note, "nothing was recorded");
  const alone = view(new Map(), { networks: NETWORKS.slice(0, 1) });
  assert.match(meanDrift.draw(alone)[0].note, /no arm has BatchNorm/);
});

test("what was never logged, or does not apply to a layer, is said in a sentence", () => {
  const network = keyOf({ table: "network_records", network_id: 1 });
  const unlogged = new Map([[network, { ...rows({ loss: [1, 2] }), columns: {} }]]);
  const [cell] = loggedAccuracy.draw(view(unlogged, { layer: null }));
  assert.equal(cell.note, "No accuracy was logged: run.log(accuracy=…)");
  const weightless = new Map([[layerKey(1), { ...rows({ mean: [1, 2] }), columns: {} }]]);
  assert.equal(activationGradient.draw(view(weightless))[0].note, "does not apply to this layer");
  const first = new Map([[layerKey(1), { ...rows({ mean: [1] }), columns: {} }]]);
  assert.equal(activationGradient.draw(view(first))[0].note, "waiting for the first records");
});

test("a ratio of signal to noise that was not recorded is no missing layer; below 0 it is marked", () => {
  const records = rows({ mean: [1, 1] });
  const never = new Map([[layerKey(1), { ...records, columns: {} }]]);
  assert.match(gradientSignal.draw(view(never))[0].note, /^takes 42 records/);
  const turned = new Map([[layerKey(1), rows({ grad_snr: [0.5, -0.1, 0.2] })]]);
  const [cell] = gradientSignal.draw(view(turned, { log: true }));
  assert.deepEqual(cell.marks.map(({ kind }) => kind), ["line", "rug"]);
});

test("the first layer has no gradient shift, and says so; the landscape has no layers", () => {
  const key = keyOf({ table: "gradient_shift_records", network_id: 1, layer_id: 10 });
  for (const shifts of [[0], [0, 0]]) {
    const first = new Map([[key, { ...rows({ shift_l2: shifts }), columns: {} }]]);
    for (const chart of gradientShift) {
      assert.match(chart.draw(view(first))[0].note, /no layer comes before it/);
    }
  }
  for (const chart of landscape) {
    const [needed] = chart.needs({ networks: NETWORKS, layer: null });
    assert.deepEqual([needed.table, needed.layer_id], ["landscape_records", undefined]);
  }
});

test("an arm without a layer that its twin has shows why", () => {
  const networks = [{ ...NETWORKS[0], layers: [] }, NETWORKS[1]];
  const why = (skipped) => fan.draw(view(new Map(), { networks, skipped }))[0].note;
  assert.equal(why([]), "none has no layer of this name");
  assert.equal(why([{ arm: "none", name: "hidden1", reason: "It was never called." }]),
    "not looked at: It was never called.");
  assert.equal(fan.draw(view(new Map(), { networks }))[1].note, "waiting for the first records");
});

test("every norm that is a BatchNorm has running statistics", () => {
  const sync = { ...NETWORKS[1], layers: [layer(20, "sync batch")] };
  const layered = { ...NETWORKS[0], layers: [layer(10, "layer")] };
  const needed = meanDrift.needs({ networks: [layered, sync], layer: "hidden1" });
  assert.deepEqual(needed.map(({ network_id: id }) => id), [2]);
});

test("an arm keeps its colour where the other arm has nothing", () => {
  const known = new Map([[layerKey(2), rows({ mean_drift: [1, 2] })]]);
  const [cell] = meanDrift.draw(view(known));
  assert.deepEqual(cell.marks.map(({ kind, arm }) => [kind, arm]), [["line", 1]]);
});

test("the fan has one plot area for each arm, and one vertical extent over all of them", () => {
  const names = ["p01", "p05", "p15", "p50", "p85", "p95", "p99"];
  const spread = (scale) => rows(Object.fromEntries(
    names.map((name, at) => [name, [scale * (at - 3), scale * (at - 3)]])));
  const known = new Map([[layerKey(1), spread(1)], [layerKey(2), spread(4)]]);
  const cells = fan.draw(view(known));
  assert.equal(fan.cells({ networks: NETWORKS }), 2);
  for (const { marks } of cells) {
    assert.deepEqual(marks.map(({ kind }) => kind), ["band", "band", "band", "line"]);
  }
  assert.deepEqual(fan.extent(view(known)), [-12, 12]);
  assert.equal(fan.read(view(known), 2)[1][0].value, "0 [−4.0, 4.0]");
});

test("what is not a number is marked, also on a logarithmic axis", () => {
  const known = new Map([[layerKey(1), rows({ activation_grad_norm: [1, NaN, Infinity, 0] })]]);
  const [linear] = activationGradient.draw(view(known));
  assert.deepEqual([...linear.marks.find(({ kind }) => kind === "rug").x], [2, 3]);
  const [log] = activationGradient.draw(view(known, { log: true }));
  assert.deepEqual([...log.marks.find(({ kind }) => kind === "rug").x], [2, 3, 4]);
  assert.equal(activationGradient.read(view(known), 2)[0][0].value, "NaN");
});

test("smoothed, what was recorded is faint and is what the readings say", () => {
  const known = new Map([[layerKey(1), rows({ activation_grad_norm: [2, 4, 8] })]]);
  const smooth = view(known, { smooth: 1 });
  const [{ marks }] = activationGradient.draw(smooth);
  assert.deepEqual(marks.map(({ kind, faint = false }) => [kind, faint]),
    [["line", true], ["line", false]]);
  assert.deepEqual([...marks[0].y], [2, 4, 8]);
  assert.deepEqual([...marks[1].y], [2, 10 / 3, (8 + 4 / 2 + 2 / 4) / 1.75]);
  assert.equal(activationGradient.read(smooth, 2)[0][0].value, "4.00");
});

test("as a difference the reference has no line, and where it has no records that is said", () => {
  const difference = new Map([[layerKey(2), rows({ activation_grad_norm: [-1, 0] })]]);
  const [{ marks, note }] = activationGradient.draw(view(difference, { difference: true }));
  assert.deepEqual([marks.map(({ arm }) => arm), note], [[1], null]);
  const [readings] = activationGradient.read(view(difference, { difference: true }), 2);
  assert.deepEqual(readings.map(({ name }) => name), ["BatchNorm − none"]);
  assert.equal(meanDrift.draw(view(new Map(), { difference: true }))[0].note,
    "none, the reference, has none of it");
});

test("β is drawn with one standard deviation to either side", () => {
  const known = new Map([[layerKey(2), rows({ beta_mean: [1, 1], beta_std: [0.5, 2] })]]);
  assert.deepEqual(beta.extent(view(known)), [-1, 3]);
});

test("plot areas lie side by side while there is room, else below each other", () => {
  const wide = place(700, 176, 2);
  assert.equal(wide.height, 176);
  assert.equal(wide.boxes[0].width, wide.boxes[1].width);
  assert.equal(wide.boxes[0].top, wide.boxes[1].top);
  const narrow = place(358, 176, 2);
  assert.equal(narrow.height, 352);
  assert.equal(narrow.boxes[0].left, narrow.boxes[1].left);
  assert.equal(place(700, 176, 5).boxes.length, 5);
});

test("the ensemble is one more line among those of its networks", () => {
  const chart = withEnsemble(testAccuracy, 3);
  const series = { table: "ensemble_records", network_id: null, seed: 3,
    statistics: ["test_accuracy"] };
  const asked = chart.needs({ networks: NETWORKS, layer: null });
  assert.deepEqual(asked.slice(2), [series]);
  const known = new Map(asked.map((what, at) =>
    [keyOf(what), rows({ test_accuracy: [0.1, 0.5 + at / 10] })]));
  const shown = view(known, { layer: null });
  const [{ marks }] = chart.draw(shown);
  assert.deepEqual(marks.map(({ arm, dash }) => [arm, dash]),
    [[0, "solid"], [1, "dash"], [-1, "dashdot"]]);
  assert.deepEqual(chart.extent(shown), [0.1, 0.7]);
  const [readings] = chart.read(shown, 2);
  assert.deepEqual(readings.map(({ name }) => name), ["ensemble", "none", "BatchNorm"]);
  assert.match(readings[0].value, /70/);
  known.delete(keyOf(series));
  assert.equal(chart.draw(view(known, { layer: null }))[0].marks.length, 2);
  assert.equal(chart.draw(view(new Map()))[0].note, "waiting for the first records");
});
