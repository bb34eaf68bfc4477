import assert from "node:assert/strict";
import { test } from "node:test";

import { questionOf } from "../../web/views/bulk_bar.js";

test("notes are taken away, and several runs renamed, only after a question with their count", () => {
  assert.equal(questionOf("note", "", 12)?.[0], "Take the notes of 12 runs away?");
  assert.equal(questionOf("note", "", 1)?.[0], "Take the note of 1 run away?");
  const [question, detail] = questionOf("rename", "Late", 2) ?? [];
  assert.equal(question, "Rename 2 runs?");
  assert.match(detail ?? "", /“Late”/);
  for (const [action, text, runs] of /** @type {const} */ ([["note", "Seen", 12], ["rename", "Late", 1],
    ["tag", "late", 12]])) {
    assert.equal(questionOf(action, text, runs), null);
  }
});
