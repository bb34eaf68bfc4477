import assert from "node:assert/strict";
import { test } from "node:test";

import { Selection } from "../../web/selection.js";

test("runs are selected one by one, by ranges, and let go of; every change is told", () => {
  let changes = 0;
  const selection = new Selection(() => { changes += 1; });
  selection.toggle(7);
  assert.deepEqual([selection.runs, selection.anchor, selection.has(7)], [[7], 7, true]);
  selection.add([7, 8, 9]);
  assert.deepEqual([selection.runs, selection.anchor, selection.size], [[7, 8, 9], 7, 3]);
  selection.toggle(8);
  assert.deepEqual([selection.runs, selection.anchor], [[7, 9], 8]);
  selection.clear();
  assert.deepEqual([selection.size, selection.anchor, changes], [0, null, 4]);
});
