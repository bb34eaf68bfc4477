import assert from "node:assert/strict";
import { test } from "node:test";

import { bucketExtent, bucketLine, bucketMarks, bucketsWords, bucketWords } from "../../web/buckets.js";

/** @import { Measured, MeasuredBuckets } from "../../web/types" */

/** @type {MeasuredBuckets} */
const LOSS = { series: "a", several: false, x: [1, 8, 16, 25], last_x: [7, 15, 16, 31],
  low: [0.5, -2, "NaN", 1], high: [1, 99, "NaN", 2], mean: [0.75, 1, "NaN", 1.5],
  nan: [0, 0, 1, 0], infinite: [0, 0, 0, 2] };
/** @type {Measured} */
const ANSWER = { run: 1, quantity: "loss", count: 1234, beside: 0, width: 8, measurements: null,
  buckets: [LOSS] };

test("a spike is among the points of the line, and what is not finite is marked where it was", () => {
  const line = bucketLine(LOSS, 8);
  assert.deepEqual([...line.begin], [0, 8, 16, 24]);
  const [joined, dots, rug] = bucketMarks(line, 7, false);
  assert.equal(joined.kind, "line");
  assert.deepEqual([...joined.x], [1, 7, 8, 15, 16, 25, 31, 31]);
  assert.ok("y" in joined);
  assert.deepEqual([...joined.y], [0.5, 1, -2, 99, NaN, 1, 2, NaN]);
  assert.equal(dots.x.length, 0);
  assert.deepEqual([rug.kind, "row" in rug && rug.row, [...rug.x]], ["rug", 2, [16, 25]]);
  assert.deepEqual(bucketExtent([line], false), { x: [1, 31], y: [-2, 99] });
  assert.deepEqual([0, 1, 2, 3].map((at) => bucketWords(line, at)),
    ["0.50–1.0", "−2.0 to 99", "1 NaN", "1.0–2.0, 2 infinite"]);
  assert.equal(bucketsWords(ANSWER, [line], "step", false), "1,234 numbers, drawn from the lowest " +
    "to the highest of each stretch of 8 in step; not drawn: 1 NaN, 2 infinite");
});

test("where one x has several values the means are joined, before all that there is", () => {
  const line = bucketLine({ ...LOSS, several: true }, 8);
  const [all, , means] = bucketMarks(line, 0, false);
  assert.ok("y" in all && "y" in means && "faint" in all && !("faint" in means));
  assert.ok(all.faint && [...all.y].includes(99) && [...all.y].includes(-2));
  assert.deepEqual([...means.x], [4, 11.5, 16, 28]);
  assert.deepEqual([...means.y], [0.75, 1, NaN, 1.5]);
});

test("a logarithmic axis says what it has no place for", () => {
  const line = bucketLine(LOSS, 8);
  const [joined] = bucketMarks(line, 0, true);
  assert.ok("y" in joined && [...joined.y].includes(99) && ![...joined.y].includes(-2));
  assert.deepEqual(bucketExtent([line], true).y, [0.5, 99]);
  assert.match(bucketsWords(ANSWER, [line], "step", true), /2 infinite, what is 0 or less$/);
});

test("a number that nothing joins is a dot, and what is too large has no place", () => {
  const line = bucketLine({ ...LOSS, last_x: [7, 15, 1e308, 25], low: ["NaN", 1e308, 1, 3],
    high: ["NaN", 1e308, 1, 3] }, 8);
  assert.deepEqual([...line.rows.step], [1, 8, 25]);
  const [, dots] = bucketMarks(line, 0, false);
  assert.ok("y" in dots);
  assert.deepEqual([[...dots.x], [...dots.y]], [[25], [3]]);
  assert.match(bucketsWords(ANSWER, [line], "step", false), /what is beyond ±1e307$/);
});
