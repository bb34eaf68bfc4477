import assert from "node:assert/strict";
import { test } from "node:test";

import { append, decode, keyOf, latestStep, nearest, refine, widen, within }
  from "../../web/series.js";
import { encode, frameOf, widthFor } from "./encoding.js";

/** @param {ArrayBuffer} buffer */
const rowsOf = (buffer) => decode(buffer).series[0].rows;
const plain = ({ width, step, last, columns }) => ({
  width, step: [...step], last: [...last],
  lo: [...columns.loss.lo], hi: [...columns.loss.hi], flag: [...columns.loss.flag],
});
/** Every fifth value of a curve with spikes, NaN, infinities and gaps. */
function wild(steps) {
  return Array.from({ length: steps }, (_, index) => {
    const step = index + 1;
    const value = step % 97 === 0 ? NaN : step % 61 === 0 ? Infinity : step % 53 === 0 ? -Infinity
      : step % 7 === 0 ? null : Math.sin(step / 10) + (step === 777 ? 100 : 0);
    return [step, value];
  });
}

test("a frame of exact records is decoded with NaN kept apart from null", () => {
  const frame = decode(frameOf([[1, 2.5], [2, NaN], [3, null], [4, Infinity]],
    { latest: 4, width: 1 }));
  assert.deepEqual([frame.run, frame.latest, frame.series[0].first], [1, 4, 0]);
  assert.equal(frame.series[0].key, keyOf({ table: "network_records", network_id: 3 }));
  assert.deepEqual(plain(frame.series[0].rows), {
    width: 1, step: [1, 2, 3, 4], last: [1, 2, 3, 4],
    lo: [2.5, NaN, NaN, Infinity], hi: [2.5, NaN, NaN, Infinity], flag: [0, 2, 1, 0],
  });
});

test("a frame of buckets is decoded with the buckets in which a NaN was", () => {
  const rows = rowsOf(frameOf([[1, 5], [2, NaN], [3, 7], [4, NaN], [5, null], [9, 1]],
    { latest: 9, width: 4 }));
  assert.deepEqual(plain(rows), {
    width: 4, step: [1, 4, 9], last: [3, 5, 9],
    lo: [5, NaN, 1], hi: [7, NaN, 1], flag: [2, 2, 0],
  });
});

test("a statistic that applies nowhere has no column, and an empty series no rows", () => {
  const header = { type: "records", run: 1, latest: 2, series: [
    { table: "layer_records", network_id: 1, layer_id: 2, first: 0, width: 1, rows: 2,
      columns: ["step"], null: {}, nan: {} },
    { table: "evaluations", network_id: 1, layer_id: null, first: 0, width: 1, rows: 0,
      columns: [], null: {}, nan: {} },
  ] };
  const [some, none] = decode(encode(header, [[1, 2]])).series;
  assert.deepEqual([...some.rows.step], [1, 2]);
  assert.deepEqual(some.rows.columns, {});
  assert.equal(none.rows.step.length, 0);
});

test("each series of a frame has a width and a first step of its own", () => {
  const header = { type: "records", run: 1, latest: 300, series: [
    { table: "network_records", network_id: 1, layer_id: null, first: 256, width: 256, rows: 1,
      columns: ["step", "last_step", "loss.min", "loss.max"], null: {}, nan: {} },
    { table: "evaluations", network_id: 1, layer_id: null, first: 291, width: 1, rows: 1,
      columns: ["step", "test_loss"], null: {}, nan: {} },
  ] };
  const [losses, evaluations] = decode(encode(header, [[256], [300], [1], [2], [300], [5]])).series;
  assert.deepEqual([losses.first, losses.rows.width, ...losses.rows.last], [256, 256, 300]);
  assert.deepEqual([evaluations.first, evaluations.rows.width], [291, 1]);
  const { step, last, columns } = evaluations.rows;
  assert.equal(step, last);
  assert.deepEqual([...columns.test_loss.hi], [5]);
});

test("a run that is followed live looks like the same run read at once, at every width", () => {
  const records = wild(3000);
  for (const points of [20, 64, 500]) {
    let rows;
    let cursor = 0;
    for (let latest = 7; latest <= 3000; latest += 1 + ((latest * 31) % 90)) {
      const width = widthFor(latest, points);
      const first = cursor === 0 ? 0 : cursor + 1;
      const frame = decode(frameOf(records, { first, latest, width }));
      rows = append(rows, frame.series[0].rows, frame.series[0].first);
      cursor = latest;
    }
    const whole = rowsOf(frameOf(records, { latest: cursor, width: widthFor(cursor, points) }));
    assert.deepEqual(plain(rows), plain(whole), `${points} points`);
  }
});

test("a frame replaces everything from its first step on", () => {
  const old = rowsOf(frameOf([[1, 1], [2, 2], [3, 3]], { latest: 3, width: 1 }));
  const fresh = decode(frameOf([[3, 30], [4, 40]], { first: 3, latest: 4, width: 1 }));
  assert.deepEqual([...append(old, fresh.series[0].rows, 3).columns.loss.lo], [1, 2, 30, 40]);
  assert.deepEqual([...append(old, fresh.series[0].rows, 0).columns.loss.lo], [30, 40]);
});

test("a column that is missing on one side does not apply there", () => {
  const old = rowsOf(frameOf([[1, 1]], { latest: 1, width: 1 }));
  const fresh = { ...rowsOf(frameOf([[2, 2]], { first: 2, latest: 2, width: 1 })), columns: {} };
  const rows = append(old, fresh, 2);
  assert.deepEqual([...rows.columns.loss.flag], [0, 1]);
  assert.deepEqual([...rows.columns.loss.lo], [1, NaN]);
});

test("merging keeps a spike of one step, and minimum and maximum ignore NaN", () => {
  const rows = rowsOf(frameOf([[1, 1], [2, 900], [3, NaN], [4, -2], [5, 0]],
    { latest: 5, width: 1 }));
  assert.deepEqual(plain(widen(rows, 4)), {
    width: 4, step: [1, 4], last: [3, 5], lo: [1, -2], hi: [900, 0], flag: [2, 0],
  });
  assert.equal(widen(rows, 1), rows);
});

test("appended rows do not hold on to the frame's buffer", () => {
  const fresh = rowsOf(frameOf([[1, 1], [2, 2]], { latest: 2, width: 1 }));
  const rows = append(undefined, fresh, 0);
  assert.notEqual(rows.step.buffer, fresh.step.buffer);
  assert.equal(rows.step, rows.last, "at width 1 both are one array");
});

test("fine rows take the place of the coarse ones they overlap", () => {
  const records = wild(64);
  const coarse = rowsOf(frameOf(records, { latest: 64, width: 16 }));
  const fine = rowsOf(frameOf(records, { first: 20, latest: 40, width: 4 }));
  const mixed = refine(coarse, fine);
  assert.deepEqual([...mixed.step], [1, 20, 24, 28, 32, 36, 40, 48, 64]);
  assert.ok(mixed.last.every((last, row) => row === 0 || last > mixed.last[row - 1]));
  assert.equal(refine(coarse, rowsOf(frameOf([], { latest: 64, width: 1 }))), coarse);
});

test("within keeps just the rows that hold a step of the range", () => {
  const rows = rowsOf(frameOf(wild(64), { latest: 64, width: 8 }));
  assert.deepEqual([...within(rows, [10, 16]).step], [8, 16]);
  assert.deepEqual([...within(rows, [100, 120]).step], []);
});

test("the row nearest to a step is found, before, between and after the rows", () => {
  const rows = rowsOf(frameOf([[10, 1], [20, 2], [40, 3]], { latest: 40, width: 1 }));
  assert.deepEqual([0, 10, 14, 16, 29, 31, 99].map((step) => nearest(rows, step)),
    [0, 0, 0, 1, 1, 2, 2]);
  assert.equal(nearest(rowsOf(frameOf([], { latest: 0, width: 1 })), 5), -1);
  assert.equal(latestStep([rows]), 40);
});
