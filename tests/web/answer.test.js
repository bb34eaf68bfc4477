import assert from "node:assert/strict";
import { test } from "node:test";

import { Answer } from "../../web/answer.js";

test("a question is asked once until it is another, and only the last one's answer counts", async () => {
  /** @type {Answer<string>} */
  const answer = new Answer();
  /** @type {((text: string) => void)[]} */
  const waiting = [];
  /** @type {AbortSignal[]} */
  const signals = [];
  /** @param {AbortSignal} signal @returns {Promise<string>} */
  const get = (signal) => new Promise((resolve) => {
    signals.push(signal);
    waiting.push(resolve);
  });
  const first = answer.ask({ of: 1 }, get);
  assert.equal(await answer.ask({ of: 1 }, get), false, "it is under way");
  const second = answer.ask({ of: 2 }, get);
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
  waiting[1]("two");
  waiting[0]("one");
  assert.deepEqual([await first, await second, answer.value], [false, true, "two"]);
  assert.equal(waiting.length, 2);
});

test("what failed says why, leaves nothing of before, and may be asked again", async () => {
  /** @type {Answer<string>} */
  const answer = new Answer();
  await answer.ask(1, async () => "one");
  const lost = () => Promise.reject(new Error("The server is away."));
  assert.equal(await answer.ask(2, lost), true);
  assert.deepEqual([answer.value, answer.problem], [null, "The server is away."]);
  assert.equal(await answer.ask(2, async () => "two"), true);
  assert.deepEqual([answer.value, answer.problem], ["two", ""]);
  answer.forget();
  assert.deepEqual([answer.value, await answer.ask(2, async () => "again")], [null, true]);
});
