import assert from "node:assert/strict";
import { test } from "node:test";

import { weightGradientByDepth } from "../../web/charts/depth.js";
import { between, density, densityChart, quantileChart, quantilesOf } from
  "../../web/charts/distribution.js";

const NAMES = ["min", "p01", "p05", "p15", "p25", "p50", "p75", "p85", "p95", "p99", "max"];
const SHARES = [0, 0.01, 0.05, 0.15, 0.25, 0.5, 0.75, 0.85, 0.95, 0.99, 1];
const record = (values, step = 7) => ({ table: "layer_records", network_id: 1, layer_id: 10,
  seed: null, step, values });
/** Of a uniform distribution from 0 to 10. */
const uniform = record(Object.fromEntries(NAMES.map((name, at) => [name, 10 * SHARES[at]])));
const layer = (id, name) => ({ id, name, kind: "linear", norm: "none", activation: "sigmoid",
  units: 5, elements: null, sampled: null });
const NETWORKS = [1, 2].map((id) => ({ id, arm: `arm ${id}`, seed: 0,
  layers: [layer(10 * id, "hidden1"), layer(10 * id + 1, "hidden2")] }));
const VIEW = { networks: NETWORKS, layer: "hidden1", skipped: [], range: [0, 9], log: false,
  growing: false, loading: false, rows: () => undefined };
const ROOM = { width: 400, height: 150 };

test("a density is level between quantiles, and its area is 1", () => {
  const { x, y, atoms } = density(quantilesOf(uniform));
  assert.deepEqual(atoms, []);
  assert.ok(y.slice(1, -1).every((height) => Math.abs(height - 0.1) < 1e-12));
  assert.deepEqual([x[0], x.at(-1), y[0], y.at(-1)], [0, 10, 0, 0]);
  let area = 0;
  for (let at = 2; at < x.length - 1; at += 2) area += (x[at] - x[at - 1]) * y[at];
  assert.ok(Math.abs(area - 1) < 1e-12);
});

test("a share of the values that is one number is an atom, and said as one", () => {
  const values = Object.fromEntries(NAMES.map((name, at) => [name, at < 6 ? 0 : SHARES[at]]));
  const { atoms } = density(quantilesOf(record(values)));
  assert.deepEqual(atoms.map(({ value, share }) => [value, share.toFixed(2)]), [[0, "0.50"]]);
  const { cell } = densityChart.draw(VIEW, () => record(values), ROOM);
  const rugs = cell.marks.filter(({ kind }) => kind === "rug");
  assert.deepEqual(rugs.map(({ text }) => text), ["50.0 % are 0", "50.0 % are 0"]);
});

test("the pointer reads the share below a value, or the value below which a share lies", () => {
  const quantiles = quantilesOf(uniform);
  assert.equal(between(quantiles, 3.5, "value", "share"), 0.35);
  assert.equal(between(quantiles, -1, "value", "share"), 0);
  assert.equal(between(quantiles, 11, "value", "share"), 1);
  const found = densityChart.draw(VIEW, () => uniform, ROOM);
  assert.deepEqual(found.read(3.5).map(({ value }) => value), ["35.0 %", "35.0 %"]);
  assert.deepEqual(found.read(null).map(({ value }) => value), ["5.00", "5.00"]);
  const other = quantileChart.draw(VIEW, () => uniform, ROOM);
  assert.equal(other.read(0.35)[0].value, "3.50");
  assert.deepEqual([...other.cell.marks[0].x], SHARES);
});

test("values that are not finite are counted beside the distribution, and none is invented", () => {
  const lost = record({ ...uniform.values, max: "Infinity", nonfinite: 3 });
  assert.equal(quantilesOf(lost).length, 10);
  const { cell } = quantileChart.draw(VIEW, () => lost, ROOM);
  assert.match(cell.marks.at(-1).text, /3.* values not finite/);
  const none = quantileChart.draw(VIEW, () => record({}, null), ROOM);
  assert.equal(none.cell.note, "nothing was recorded");
  assert.equal(quantileChart.draw(VIEW, () => undefined, ROOM).cell.note, null, "on its way");
});

test("gradients by depth: a point for each layer, and a mark where it is no number", () => {
  const values = { 10: 1e-3, 11: 1e-1, 20: 0, 21: "NaN" };
  const asked = weightGradientByDepth.needs(VIEW);
  assert.deepEqual(asked.map(({ layer_id: id }) => id), [10, 11, 20, 21]);
  const found = weightGradientByDepth.draw({ ...VIEW, log: true },
    ({ layer_id: id }) => record({ weight_grad_norm: values[id] }), ROOM);
  const [line, rug] = found.cell.marks;
  assert.deepEqual([[...line.x], [...line.y]], [[0, 1], [1e-3, 1e-1]]);
  assert.deepEqual([rug.arm, [...rug.x], rug.text], [1, [0, 1], "hidden1 0, hidden2 NaN"]);
  assert.equal(found.told(0.8), "hidden2");
  assert.deepEqual(found.read(0.8).map(({ value }) => value), ["0.100", "NaN"]);
  assert.deepEqual(found.x.labels, ["hidden1", "hidden2"]);
  const half = weightGradientByDepth.draw({ ...VIEW, log: true },
    ({ layer_id: id }) => id < 20 ? record({ weight_grad_norm: values[id] }) : undefined, ROOM);
  assert.deepEqual(half.read(null).map(({ value }) => value), ["0.00100 to 0.100", "–"]);
});
