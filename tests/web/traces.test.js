import assert from "node:assert/strict";
import { test } from "node:test";

import { decode } from "../../web/series.js";
import { band, dots, extent, line, rug, union } from "../../web/traces.js";
import { frameOf } from "./encoding.js";

const rowsOf = (records, width = 1) =>
  decode(frameOf(records, { latest: records.at(-1)[0], width })).series[0].rows;
const points = ({ x, y }) => [...x].map((step, index) => [step, y[index]]);

test("an exact record is one point, a bucket its minimum and maximum", () => {
  const exact = rowsOf([[1, 4], [2, 5]]);
  assert.deepEqual(points(line(exact, exact.columns.loss)), [[1, 4], [2, 5]]);
  const buckets = rowsOf([[1, 4], [2, 9], [3, 5], [5, 6]], 4);
  assert.deepEqual(points(line(buckets, buckets.columns.loss)), [[1, 9], [3, 4], [5, 6]]);
});

test("a curve that falls is drawn falling within each bucket, one that rises rising", () => {
  const falling = Array.from({ length: 32 }, (_, i) => [i + 1, 100 * 0.8 ** i]);
  for (const [records, sign] of [[falling, -1], [falling.map(([x, y]) => [x, -y]), 1]]) {
    const rows = rowsOf(records, 4);
    const { y } = line(rows, rows.columns.loss);
    assert.equal(y.length, 2 * rows.step.length - 1, "both extremes of all but the last, of one");
    assert.ok(y.every((value, at) => at === 0 || sign * (value - y[at - 1]) > 0));
  }
});

test("both extremes of a bucket are drawn, whatever its neighbours are", () => {
  const values = [1, NaN, 9, 2, null, null, 5, 3, Infinity, 4, -Infinity, 6, 1e307, -1e307, 0, 8];
  const rows = rowsOf(values.map((value, step) => [step, value]), 2);
  const column = rows.columns.loss;
  const { y } = line(rows, column);
  for (const value of [...column.lo, ...column.hi].filter(Number.isFinite)) {
    assert.ok(y.includes(value), `${value}`);
  }
});

test("a spike of one step in 50,000 is among the points of the line and in its extent", () => {
  const records = Array.from({ length: 50_000 }, (_, i) => [i + 1, i === 31_415 ? 1e6 : 1]);
  const rows = rowsOf(records, 256);
  const drawn = line(rows, rows.columns.loss);
  assert.ok(drawn.y.length <= 500);
  assert.equal(Math.max(...drawn.y), 1e6);
  assert.deepEqual(extent([rows.columns.loss]), [1, 1e6]);
});

test("a line passes over what does not apply and breaks at what is not finite", () => {
  const rows = rowsOf([[1, 1], [2, null], [3, 3], [4, NaN], [5, 5], [6, Infinity], [7, 7]]);
  assert.deepEqual(points(line(rows, rows.columns.loss)),
    [[1, 1], [3, 3], [4, NaN], [5, 5], [6, NaN], [7, 7]]);
});

test("a bucket with a NaN draws its numbers and then breaks", () => {
  const rows = rowsOf([[1, 1], [2, NaN], [3, 2], [4, 5]], 4);
  assert.deepEqual(points(line(rows, rows.columns.loss)), [[1, 1], [3, 2], [3, NaN], [4, 5]]);
});

test("on a logarithmic axis what is not above 0 is not drawn, but marked", () => {
  const rows = rowsOf([[1, 1], [2, 0], [3, 10]]);
  assert.deepEqual(points(line(rows, rows.columns.loss, true)), [[1, 1], [2, NaN], [3, 10]]);
  assert.deepEqual(extent([rows.columns.loss], true), [1, 10]);
  const marks = rug(rows, [rows.columns.loss], true);
  assert.deepEqual([[...marks.x], marks.text], [[2], "0 or less from step 2"]);
});

test("NaN and infinities are marked where they are, each named with its first place", () => {
  const exact = rowsOf([[1, 1], [2, NaN], [3, Infinity], [4, NaN], [5, -Infinity], [6, null]]);
  const marks = rug(exact, [exact.columns.loss]);
  assert.deepEqual([...marks.x], [2, 3, 4, 5]);
  assert.equal(marks.text, "NaN from step 2, ∞ from step 3, −∞ from step 5");
  const buckets = rowsOf([[1, 1], [2, NaN], [3, 2]], 4);
  assert.equal(rug(buckets, [buckets.columns.loss]).text, "NaN from steps 1–3");
  const calm = rowsOf([[1, 1], [2, null]]);
  assert.equal(rug(calm, [calm.columns.loss]), null);
});

test("a band runs along the lowest of the lower and back along the highest of the upper", () => {
  const rows = rowsOf([[0, -1], [1, 1], [4, -2], [6, 2], [8, -3], [9, 3]], 4);
  const drawn = band(rows, rows.columns.loss, rows.columns.loss);
  assert.deepEqual(points(drawn), [[0, -1], [5, -2], [9, -3], [9, 3], [5, 2], [0, 1]]);
});

test("a band has a gap where a value is not finite", () => {
  const rows = rowsOf([[1, 1], [2, 1], [3, NaN], [4, 1], [5, 1]]);
  const drawn = band(rows, rows.columns.loss, rows.columns.loss);
  assert.deepEqual([...drawn.x], [1, 2, 2, 1, NaN, 4, 5, 5, 4]);
  assert.equal(band(rows, rows.columns.loss, undefined).x.length, 0);
});

test("extents ignore what is not finite; the union of none is none", () => {
  const rows = rowsOf([[1, NaN], [2, Infinity], [3, null]]);
  assert.equal(extent([rows.columns.loss, undefined]), null);
  assert.equal(union([null, null]), null);
  assert.deepEqual(union([[1, 2], null, [-1, 1]]), [-1, 2]);
});

test("a number too large for an axis is no point, and is named", () => {
  const rows = rowsOf([[1, 1e308], [2, -1e308], [3, 1]]);
  assert.deepEqual(extent([rows.columns.loss]), [1, 1]);
  assert.equal(rug(rows, [rows.columns.loss])?.text, "beyond ±1e307 from step 1");
});

test("records that stand apart are marked, and no others", () => {
  const steps = (found) => [...found.x];
  const sparse = rowsOf([[1, 4], [2, 5], [3, 5], [500, 6], [900, 7]]);
  assert.deepEqual(steps(dots(sparse, sparse.columns.loss, [0, 1000])), [3, 500, 900]);
  assert.deepEqual(steps(dots(sparse, sparse.columns.loss, [0, 60])), [1, 2, 3]);
  const dense = rowsOf(Array.from({ length: 200 }, (_, at) => [at + 1, 1]));
  assert.deepEqual(steps(dots(dense, dense.columns.loss, [0, 200])), []);
  assert.equal(dots(dense, dense.columns.loss, [100, 130]).x.length, 31);
  const alone = rowsOf([[7, 1]]);
  assert.deepEqual(steps(dots(alone, alone.columns.loss, [0, 1000])), [7]);
  assert.deepEqual(steps(dots(alone, undefined, [0, 1000])), []);
});

test("between records, what does not apply or is a bucket of several is no mark", () => {
  const every = rowsOf(Array.from({ length: 400 }, (_, at) => [at + 1, at % 100 === 0 ? at : null]));
  assert.deepEqual([...dots(every, every.columns.loss, [0, 400]).x], [1, 101, 201, 301]);
  const buckets = rowsOf([[1, 4], [2, 9], [500, 5]], 4);
  assert.deepEqual([...dots(buckets, buckets.columns.loss, [0, 1000]).x], [500]);
});
