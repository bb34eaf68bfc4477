import assert from "node:assert/strict";
import { test } from "node:test";

import { AS_REMEMBERED } from "../../web/look.js";
import { clip, format, ofRun, parse } from "../../web/location.js";

/** @param {string} address */
const read = (address) => {
  const [path, search] = address.split("?");
  return parse(path, search ?? "");
};

test("every place has an address that leads back to it", () => {
  for (const address of ["/", "/?q=dataset%3Amnist+lr%3E0.1&sort=-best", "/?sort=run", "/?q=tag%3Aa&sweeps=apart", "/?open=3,12", "/new",
    "/new/mnist-sigmoid", "/new?again=12", "/audit", "/runs/12",
    "/runs/12?tab=shift&seed=1&steps=100-2000", "/runs/12?steps=100-2000&step=1200",
    "/runs/12?x=epoch&scale=log&smooth=100&difference=1&log=train-loss%2Cfan&linear=shift-l2",
    "/runs/12?smooth=0&difference=0&chart=fan%3Ablock.0",
    "/runs/12?tab=gradients&find=conv1+bn&layer=layer1.0.conv1", "/runs/12?target=0.95",
    "/runs/12?tab=shift&unit=hidden3%3A17", "/runs/12?tab=shift&unit=block.0", "/sweeps/3",
    "/sweeps/3?by=optimizer.lr&runs=together&target=0.95&chart=steps_to_target%3A2", "/sweeps/3?runs=apart"]) {
    assert.equal(format(read(address)), address);
  }
});

test("the default of a run's address is its overview, one seed, all steps", () => {
  assert.deepEqual(read("/runs/3"),
    { view: "run", run: 3, tab: "overview", seed: null, range: null, layer: null, find: null,
      unit: null, target: null, step: null, chart: null, look: AS_REMEMBERED });
  assert.deepEqual(ofRun(3), read("/runs/3"));
});

test("a unit is one of a layer by its number, or the layer's typical one", () => {
  assert.deepEqual(read("/runs/3?unit=hidden3:17").unit, { layer: "hidden3", unit: 17 });
  assert.deepEqual(read("/runs/3?unit=a:b").unit, { layer: "a:b", unit: null });
  assert.equal(read("/runs/3?unit=").unit, null);
});

test("what makes no sense in an address is left out or said to be missing", () => {
  assert.equal(read("/runs/3?steps=9-2").range, null);
  assert.equal(read("/runs/3?steps=a-b&seed=x").seed, null);
  assert.equal(read("/runs/3?step=-1").step, null);
  assert.deepEqual(["0", "1.01", "x", "", "NaN"].map((target) =>
    read(`/runs/3?target=${target}`).target), [null, null, null, null, null]);
  for (const address of ["/runs/x", "/nothing", "/runs/3/4", "/new/a/b", "/new/%", "/%ff", "/sweeps/x",
    "/sweeps/3/4"]) {
    assert.equal(read(address).view, "missing", address);
  }
  assert.equal(read("/runs").view, "runs");
  assert.equal(format(read("/sweeps")), "/?q=sweep%3E0");
  assert.equal(format(read("/?open=x,3,3")), "/?open=3");
});

test("a range is clipped to the steps of its run", () => {
  assert.deepEqual(clip([10, 9_999_999_999], 128), [10, 128]);
  assert.deepEqual(clip([10, 20], 128), [10, 20]);
  assert.equal(clip([200, 300], 128), null);
  assert.equal(clip(null, 128), null);
});
