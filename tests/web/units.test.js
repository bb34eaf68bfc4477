import assert from "node:assert/strict";
import { test } from "node:test";

import { unit } from "../../web/charts/unit.js";
import { lastNonlinear } from "../../web/layers.js";
import { NAN, NUMBER } from "../../web/series.js";
import { rowsOf } from "../../web/units.js";

const units = { network_id: 3, layer_id: 5, arm: "none", step: [0, 250], mean: [0, 0], std: [1, 1],
  p15: [-1, "NaN"], p50: [0, 0.5], p85: [1, "Infinity"], running_mean: null, running_var: null };

test("a unit's percentiles become exact rows, and what is no number is told apart", () => {
  const rows = rowsOf(units);
  assert.deepEqual([...rows.step], [0, 250]);
  assert.equal(rows.width, 1);
  assert.deepEqual([...rows.columns.p50.lo], [0, 0.5]);
  assert.deepEqual([...rows.columns.p15.flag], [NUMBER, NAN]);
  assert.equal(rows.columns.p85.hi[1], Infinity);
  assert.deepEqual(rowsOf({ ...units, p15: null }).columns.p15, undefined);
});

test("each arm has a plot area of its own, on axes that hold both", () => {
  const layers = [{ id: 5, name: "hidden1", norm: "none" }];
  const networks = [{ id: 3, arm: "none", layers }, { id: 4, arm: "BatchNorm", layers }];
  const view = { networks, layer: "hidden1", skipped: [], range: [0, 500], log: false,
    growing: false, loading: false,
    rows: ({ network_id }) => network_id === 3 ? rowsOf({ ...units, p15: [-1, -2], p85: [1, 3] })
      : undefined };
  const [first, second] = unit.draw(view);
  assert.deepEqual(first.marks.map(({ kind }) => kind), ["band", "line", "line", "line", "dots"]);
  assert.equal(second.note, "nothing was recorded");
  assert.deepEqual(unit.extent(view), [-2, 3]);
  assert.equal(unit.read(view, 250)[0][0].value, "0.500 [−2.0, 3.0]");
  assert.deepEqual(unit.needs(view), [], "units come by an address of their own");
});

test("the paper looks at the last layer that has a nonlinearity", () => {
  const layers = ["sigmoid", "relu", "none"].map((activation, at) =>
    ({ name: `layer${at}`, activation }));
  assert.equal(lastNonlinear([{ layers }]), "layer1");
  assert.equal(lastNonlinear([{ layers: layers.slice(2) }]), "layer2");
  assert.equal(lastNonlinear([]), "");
});
