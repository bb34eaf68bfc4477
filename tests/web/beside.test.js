import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerError } from "../../web/asking/request.js";
import { Beside } from "../../web/beside.js";

/** @import { Run } from "../../web/types" */

/** @param {number[]} ids */
const runs = (...ids) => ids.map((id) => /** @type {Run} */ ({ id, step: 7 }));

test("what is not known of runs is asked for once, and kept until it is forgotten", async () => {
  /** @type {number[][]} */
  const asked = [];
  /** @type {number[]} */
  const told = [];
  const beside = new Beside(async (ids) => {
    asked.push(ids);
    return ids.map((run) => ({ run, value: run * 10 }));
  }, ({ step }) => String(step));
  /** @param {number} run */
  const tell = (run) => told.push(run);
  await beside.need(runs(1, 2), tell);
  await beside.need(runs(2, 1), tell);
  await beside.need(runs(1, 3), tell);
  assert.deepEqual([asked, told], [[[1, 2], [3]], [1, 2, 3]]);
  assert.deepEqual(beside.of(2), [{ run: 2, value: 20 }]);
  beside.forget();
  assert.deepEqual(beside.of(2), []);
  await beside.need(runs(2), tell);
  assert.deepEqual(asked.at(-1), [2]);
});

test("an answer to what was asked before it was forgotten is not taken", async () => {
  /** @type {(parts: { run: number }[]) => void} */
  let answer = () => {};
  const beside = new Beside(() => new Promise((resolve) => {
    answer = resolve;
  }), () => "");
  const asking = beside.need(runs(1), () => {});
  beside.forget();
  answer([{ run: 1 }]);
  await asking;
  assert.deepEqual(beside.of(1), []);
});

test("a refusal leaves nothing, and is asked again", async () => {
  let isAway = true;
  const beside = new Beside(async (ids) => {
    if (isAway) throw new ServerError({ type: "", title: "", status: 0, detail: "Away." });
    return ids.map((run) => ({ run }));
  }, () => "");
  await beside.need(runs(1), () => {});
  assert.deepEqual(beside.of(1), []);
  isAway = false;
  await beside.need(runs(1), () => {});
  assert.deepEqual(beside.of(1), [{ run: 1 }]);
});
