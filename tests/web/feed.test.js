import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed } from "../../web/feed.js";
import { frameOf } from "./encoding.js";

const SELECTION = { table: "network_records", network_id: 3, statistics: ["loss"] };

test("when a run ends, the steps in sight are read again in full", async () => {
  /** @type {[number, number][]} */
  const records = Array.from({ length: 40 }, (_, step) => [step, step]);
  let [recorded, answered] = [30, 0];
  globalThis.document = /** @type {any} */ ({ hidden: false });
  globalThis.WebSocket = /** @type {any} */ ({ OPEN: 1 });
  globalThis.fetch = async (_, { body }) => {
    const { first, last } = JSON.parse(body);
    const latest = Math.min(last ?? recorded, recorded);
    const range = first === undefined ? { latest, width: 8 } : { first, latest, width: 1 };
    return new Response(frameOf(records, range));
  };
  const nothing = () => {};
  const feed = new Feed(1, { onRecords: () => { answered += 1; }, onNetworks: nothing, onFindings: nothing,
    onError: assert.fail });
  /** @param {number} count */
  const answers = async (count) => {
    while (answered < count) await new Promise((resolve) => { setTimeout(resolve, 1); });
  };
  feed.look([SELECTION], true);
  feed.zoom([20, 39]);
  await answers(1);
  recorded = 39;
  feed.look([SELECTION], false);
  await answers(3);
  const { step } = feed.rows(SELECTION);
  assert.deepEqual([...step], [0, 8, ...Array.from({ length: 20 }, (_, at) => 20 + at)]);
});
