import assert from "node:assert/strict";
import { test } from "node:test";

import { copy } from "../../web/copying.js";

/** @param {unknown} clipboard What the browser has */
const give = (clipboard) => Object.defineProperty(globalThis, "navigator",
  { value: { clipboard }, configurable: true });

test("it is told whether a text was copied: over plain http there is no clipboard", async () => {
  /** @type {string[]} */
  const copied = [];
  give({ writeText: async (/** @type {string} */ text) => { copied.push(text); } });
  assert.equal(await copy("shiftscope run"), true);
  assert.deepEqual(copied, ["shiftscope run"]);
  give({ writeText: async () => { throw new Error("NotAllowedError"); } });
  assert.equal(await copy("shiftscope run"), false);
  give(undefined);
  assert.equal(await copy("shiftscope run"), false);
});
