import assert from "node:assert/strict";
import { test } from "node:test";

import { areMany, layersOf, matching, pageAt, pagesOf, plainPagesOf, withPinned } from
  "../../web/layers.js";

const layer = (name, more = {}) => ({ id: 1, name, kind: "Conv2d", norm: "batch",
  activation: "relu", units: 64, elements: null, sampled: null, ...more });
const network = (arm, layers) => ({ id: 1, arm, seed: 0, layers });
const named = (names) => layersOf([network("model", names.map((name) => layer(name)))]);
const shape = (pages) => pages.map(({ title, rows }) => [title, rows.length]);

/** ResNet-18's convolutions and its classifier. */
const RESNET = ["conv1", ...[1, 2, 3, 4].flatMap((stage) => [0, 1].flatMap((block) => [
  `layer${stage}.${block}.conv1`, `layer${stage}.${block}.conv2`,
  ...(stage > 1 && block === 0 ? [`layer${stage}.${block}.downsample.0`] : []),
])), "fc"];

test("few layers are one page, whatever their modules", () => {
  const rows = named(["a.0", "b.0", "b.1"]);
  assert.equal(areMany(rows), false);
  assert.deepEqual(pagesOf(rows).map((page) => page.rows), [rows]);
});

test("a module's layers stay together, and small neighbours share a page", () => {
  assert.deepEqual(shape(pagesOf(named(RESNET))), [
    ["conv1 … layer1", 5], ["layer2", 5], ["layer3", 5], ["layer4 … fc", 6],
  ]);
});

test("a chain of single modules collapses, and a large module is taken apart", () => {
  const names = Array.from({ length: 12 }, (_, block) =>
    ["self_attn.out_proj", "linear1", "linear2"].map((name) =>
      `model.encoder.layers.${block}.${name}`)).flat();
  const pages = pagesOf(named(names));
  assert.equal(pages.length, 6);
  assert.equal(pages[0].title, "model.encoder.layers · 0 … 1");
  assert.equal(pages[5].title, "model.encoder.layers · 10 … 11");
});

test("a thousand layers in one module are pages of a bounded number, in order", () => {
  const names = Array.from({ length: 1000 }, (_, at) => `layers.${at}`);
  const pages = pagesOf(named(names));
  assert.equal(pages.length, 125);
  assert.ok(pages.every(({ rows }) => rows.length <= 8));
  assert.deepEqual(pages.flatMap(({ rows }) => rows.map(({ name }) => name)), names);
  assert.equal(pages[1].title, "layers · 8 … 15");
  assert.equal(pages[1].first, 8);
  assert.equal(pageAt(pages, "layers.517"), 64);
  assert.equal(pageAt(pages, "gone"), 0);
});

test("a module that is a layer itself and holds others is paged like any", () => {
  const names = ["a", ...Array.from({ length: 14 }, (_, at) => `a.${at}`)];
  const pages = pagesOf(named(names));
  assert.deepEqual(pages.flatMap(({ rows }) => rows.map(({ name }) => name)), names);
});

test("a search finds every word of it in the path, in pages of its own", () => {
  const rows = named(RESNET);
  assert.equal(matching(rows, "CONV2 layer3").length, 2);
  assert.equal(matching(rows, null).length, rows.length);
  assert.deepEqual(shape(plainPagesOf(matching(rows, "conv"))), [
    ["conv1 … layer2.1.conv1", 8], ["layer2.1.conv2 … layer4.1.conv1", 8], ["layer4.1.conv2", 1],
  ]);
  assert.deepEqual(plainPagesOf([]), []);
});

test("twins line up by name, and what one lacks follows the layer before it", () => {
  const rows = layersOf([
    network("with", ["conv1", "bn1", "fc"].map((name) => layer(name))),
    network("without", ["conv1", "extra", "fc"].map((name) => layer(name, { norm: "none" }))),
  ]);
  assert.deepEqual(rows.map(({ name, only }) => [name, only]),
    [["conv1", []], ["extra", ["without"]], ["bn1", ["with"]], ["fc", []]]);
  assert.deepEqual(rows[0].norms, ["batch", "none"]);
});

test("a layer says its kind, units, norm, and how many elements a record rests on", () => {
  const [row] = layersOf([network("model",
    [layer("conv1", { elements: 802_816, sampled: 16_384 })])]);
  assert.equal(row.about, "Conv2d, 64 units, relu, batch norm");
  assert.equal(row.sample, "16,384 of 802,816 elements");
  const [whole] = layersOf([network("model", [layer("fc", { norm: "none", activation: "unknown",
    kind: "Linear", units: 1, elements: 60, sampled: 60 })])]);
  assert.deepEqual([whole.about, whole.sample], ["Linear, 1 unit", ""]);
});

test("pinned layers come first, once, in their own order", () => {
  const rows = named(["a", "b", "c", "d"]);
  const names = (shown, pins) => withPinned(rows, shown, pins).map(({ name }) => name);
  assert.deepEqual(names(rows.slice(2), ["b", "a"]), ["a", "b", "c", "d"]);
  assert.deepEqual(names(rows.slice(0, 3), ["c", "gone"]), ["c", "a", "b"]);
  assert.deepEqual(names([], ["a"]), [], "a search that finds nothing says so");
});
