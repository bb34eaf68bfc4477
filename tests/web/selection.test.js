import assert from "node:assert/strict";
import { test } from "node:test";

import { Selection } from "../../web/selection.js";

test("runs are selected one by one, by ranges, and let go of; every change is told", () => {
  let changes = 0;
  const selection = new Selection(() => { changes += 1; });
  selection.toggle([7], "run-7");
  assert.deepEqual([selection.runs, selection.anchor, selection.hasAll([7])], [[7], "run-7", true]);
  selection.add([7, 8, 9]);
  assert.deepEqual([selection.runs, selection.anchor, selection.size], [[7, 8, 9], "run-7", 3]);
  selection.toggle([8], "run-8");
  assert.deepEqual([selection.runs, selection.anchor], [[7, 9], "run-8"]);
  selection.clear();
  assert.deepEqual([selection.size, selection.anchor, changes], [0, null, 4]);
});

test("a row of several runs is selected as a whole, and let go of only when all of it was selected", () => {
  const selection = new Selection(() => {});
  selection.toggle([2], "run-2");
  assert.deepEqual([selection.hasSome([1, 2]), selection.hasAll([1, 2])], [true, false]);
  selection.toggle([1, 2, 3], "sweep-1");
  assert.deepEqual(selection.runs, [2, 1, 3]);
  selection.toggle([1, 2, 3], "sweep-1");
  assert.deepEqual([selection.size, selection.hasSome([1, 2, 3])], [0, false]);
});
