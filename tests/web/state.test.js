import assert from "node:assert/strict";
import { test } from "node:test";

import { learnRuns, store } from "../../web/state.js";

/** @import { Run } from "../../web/types" */

/** @param {Partial<Run>} facts */
const run = (facts) => /** @type {Run} */ ({ id: 7, ended_at: null, ...facts });

test("a state read before a run's end does not win by arriving after it", () => {
  learnRuns([run({ status: "running" })]);
  learnRuns([run({ status: "finished", ended_at: "2026-11-21T11:40:21Z" })]);
  learnRuns([run({ status: "running" })]);
  assert.equal(store.get().runs.get(7)?.status, "finished");
});

test("a run that is resumed comes back from its end, and not to it again", () => {
  const stopped = run({ id: 8, status: "stopped", ended_at: "2026-11-21T11:40:21Z" });
  learnRuns([stopped]);
  learnRuns([run({ id: 8, status: "queued", edited_at: "2026-11-21T11:41:00Z" })]);
  assert.equal(store.get().runs.get(8)?.status, "queued");
  learnRuns([stopped]);
  assert.equal(store.get().runs.get(8)?.status, "queued");
});
