import assert from "node:assert/strict";
import { test } from "node:test";

import { heatMap, matrixOf, matrixOfUnits } from "../../web/charts/heat.js";
import { decodeUnits, NAN, NULL, NUMBER } from "../../web/series.js";

const column = (values) => ({ lo: Float64Array.from(values), hi: Float64Array.from(values),
  flag: Uint8Array.from(values, (value) => Number.isNaN(value) ? NAN : NUMBER) });
const exact = (step, values) => ({ width: 1, step: Float64Array.from(step),
  last: Float64Array.from(step), columns: { std: column(values) } });
const NETWORKS = [{ id: 1, arm: "none" }, { id: 2, arm: "BatchNorm" }];
const VIEW = { networks: NETWORKS, layer: null, skipped: [], range: [0, 100], log: false,
  growing: false, loading: false, rows: () => undefined };

/** @param {any[]} matrices By arm */
const chart = (matrices, { row = null, names = ["first", "second"] } = {}) => heatMap({
  id: "heat", title: "", hint: "", axis: "layer", log: false, draws: () => [], names: () => names, row: () => row,
  matrix: (_, network) => matrices[NETWORKS.indexOf(network)] });

test("layers share their columns, and what one lacks is a gap", () => {
  const found = matrixOf([exact([10, 20, 30], [1, 2, 3]), undefined, exact([20], [NaN])], "std");
  assert.deepEqual(found.first, [10, 20, 30]);
  assert.deepEqual(found.rows.map(({ flag }) => [...flag]),
    [[NUMBER, NUMBER, NUMBER], [NULL, NULL, NULL], [NULL, NAN, NULL]]);
  const buckets = { width: 8, step: Float64Array.of(1, 8), last: Float64Array.of(7, 15),
    columns: { std: { lo: Float64Array.of(0, 1), hi: Float64Array.of(2, 3),
      flag: new Uint8Array(2) } } };
  const wide = matrixOf([buckets], "std");
  assert.deepEqual([wide.first, wide.last], [[1, 8], [7, 15]]);
  assert.deepEqual([...wide.edges], [-0.5, 7.5, 15.5], "of one width, which is drawn fast");
  assert.deepEqual([...matrixOf([exact([4], [1])], "std").edges], [3.5, 4.5]);
  assert.deepEqual([[...wide.rows[0].lo], [...wide.rows[0].hi]], [[0, 1], [2, 3]]);
});

test("a statistic of few records has columns of them alone, and reads as the latest one", () => {
  const rows = exact([1, 2, 3, 4, 5, 6, 7], [NaN, NaN, 5, NaN, NaN, NaN, 7]);
  rows.columns.std.flag.set([NULL, NULL, NUMBER, NULL, NULL, NULL, NUMBER]);
  const matrix = matrixOf([rows, undefined], "std");
  assert.deepEqual([matrix.first, [...matrix.edges]], [[3, 7], [1, 5, 9]]);
  const heat = chart([matrix], { names: ["first"], row: 0 });
  const readings = [0, 4, 6, 12].map((step) => heat.read(VIEW, step)[0][0].value);
  assert.deepEqual(readings, ["first –", "first 5.00", "first 7.00", "first 7.00"]);
});

test("both arms have one colour scale, of what is in sight", () => {
  const arms = [matrixOf([exact([10, 20], [1, 9])], "std"), matrixOf([exact([10], [-4])], "std")];
  const heat = chart(arms, { names: ["first"] });
  assert.equal(heat.cells(VIEW), 2);
  assert.deepEqual(heat.extent(VIEW), [-4, 9]);
  const cells = heat.draw(VIEW);
  assert.deepEqual(cells.map(({ marks }) => marks.map(({ kind, scale }) => [kind, scale])),
    [[["heat", [-4, 9]]], [["heat", [-4, 9]]]]);
  assert.deepEqual([...cells[0].marks[0].x], [5, 15, 25], "halfway to the neighbours");
  assert.deepEqual(heat.extent({ ...VIEW, range: [0, 12] }), [-4, 1]);
});

test("a cell of several steps has the value farthest from 0, so that no spike is lost", () => {
  const bucket = { width: 8, step: Float64Array.of(8), last: Float64Array.of(15), columns: {
    std: { lo: Float64Array.of(-7), hi: Float64Array.of(3), flag: new Uint8Array(1) } } };
  const heat = chart([matrixOf([bucket], "std")], { names: ["first"], row: 0 });
  assert.deepEqual(heat.draw(VIEW)[0].marks[0].z, [[-7]]);
  assert.equal(heat.read(VIEW, 9)[0][0].value, "first −7.0 to 3.0");
});

test("what is no number is a hole that is named, with its layer and first step", () => {
  const arm = matrixOf([exact([1, 2, 3], [1, 1, Infinity]), exact([1, 2, 3], [1, NaN, NaN])], "std");
  const [{ marks }] = chart([arm]).draw(VIEW);
  const [heat, holes, rug] = marks;
  assert.deepEqual(marks.map(({ kind }) => kind), ["heat", "holes", "rug"]);
  assert.deepEqual(heat.z, [[1, 1, null], [1, null, null]]);
  assert.deepEqual(holes.z, [[null, null, 1], [null, 1, 1]]);
  assert.equal(rug.text, "∞ from step 3 on (first), NaN from step 2 on (second)");
  assert.deepEqual([...rug.x], [2, 3]);
  assert.deepEqual(heat.scale, [0, 2], "one value has the colour in the middle");
});

test("logarithmic colours leave out what is not above 0, and say so", () => {
  const heat = chart([matrixOf([exact([1, 2, 3], [0, 0.01, 100])], "std")], { names: ["first"] });
  const [{ marks }] = heat.draw({ ...VIEW, log: true });
  assert.deepEqual([marks[0].scale, marks[0].z], [[-2, 2], [[null, -2, 2]]]);
  assert.equal(marks[2].text, "0 or less from step 1 on (first)");
});

test("without a pointer it is said what is farthest from 0, and where", () => {
  const arm = matrixOf([exact([1, 2], [3, 1]), exact([1, 2], [-1, -8])], "std");
  assert.equal(chart([arm]).read(VIEW, 2)[0][0].value, "up to −8.00: second, step 2");
  assert.equal(chart([arm]).read(VIEW, 2)[1][0].value, "–");
  assert.equal(chart([matrixOf([], "std")]).draw(VIEW)[0].note, "nothing was recorded");
  const none = matrixOf([{ ...exact([1], [1]), columns: {} }], "std");
  assert.equal(chart([none]).draw(VIEW)[0].note, "does not apply here");
});

test("rows have as many labels as there is room for, the first on top", () => {
  const names = Array.from({ length: 100 }, (_, at) => `encoder.layers.${at}`);
  const { range, values, labels } = chart([], { names }).rowAxis(VIEW, 15);
  assert.deepEqual([range, values.length, labels[1]], [[99.5, -0.5], 10, "…ers.10"]);
});

test("a frame of units becomes a row for each unit, or for a few where there is no room", () => {
  const header = JSON.stringify({ type: "units", layer: "hidden1", array: "mean", looks: 2, every: 1,
    networks: [{ network_id: 1, units: 3, applies: false, step: [0, 5] },
      { network_id: 2, units: 3, applies: true, step: [0, 5] }] });
  const text = header.padEnd(header.length + ((8 - ((header.length + 4) % 8)) % 8));
  const buffer = new ArrayBuffer(4 + text.length + 24);
  new DataView(buffer).setUint32(0, text.length, true);
  new Uint8Array(buffer).set(new TextEncoder().encode(text), 4);
  new Float32Array(buffer, 4 + text.length).set([1, -2, 3, 4, NaN, 6]);
  const answer = decodeUnits(buffer);
  assert.equal(answer.networks[0].values, null);
  const { matrices, size } = matrixOfUnits(answer, 9);
  assert.equal(size, 1);
  assert.deepEqual(matrices.get(2).rows.map(({ lo }) => [...lo]), [[1, 4], [-2, NaN], [3, 6]]);
  const few = matrixOfUnits(answer, 2);
  assert.equal(few.size, 2);
  const [pair, alone] = few.matrices.get(2).rows;
  assert.deepEqual([[...pair.lo], [...pair.hi], [...pair.flag]], [[-2, 4], [1, 4], [NUMBER, NAN]]);
  assert.deepEqual([...alone.lo], [3, 6]);
});
