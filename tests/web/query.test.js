import assert from "node:assert/strict";
import { test } from "node:test";

import { accepted, before, suggestions } from "../../web/query.js";

/** @import { SearchKey } from "../../web/types" */

/** @type {SearchKey[]} */
const KEYS = [
  { name: "dataset", setting: false, kind: "word", about: "what it trains on",
    values: ["digits", "my own", "mnist"] },
  { name: "device", setting: false, kind: "word", about: "", values: ["cpu"] },
  { name: "lr", setting: false, kind: "number", about: "", values: [] },
  { name: "optimizer.momentum", setting: true, kind: "number", about: "", values: [] },
];

/**
 * What is suggested at the end of a text.
 * @param {string} text
 */
const offered = (text) => suggestions(text, text.length, KEYS).map((one) => one.text);

test("keys are suggested by how they or their last word begin", () => {
  assert.deepEqual(offered("d"), ["dataset:", "device:"]);
  assert.deepEqual(offered("mnist -DAT"), ["dataset:"]);
  assert.deepEqual(offered("mom"), ["optimizer.momentum>"]);
  assert.deepEqual(offered(""), ["dataset:", "device:", "lr>", "optimizer.momentum>"]);
  for (const text of ["dataset:mnist ", "zzz", "lr>0", '"da']) assert.deepEqual(offered(text), []);
});

test("values of a key are suggested, one after the other", () => {
  assert.deepEqual(offered("dataset:m"), ['"my own"', "mnist"]);
  assert.deepEqual(offered("x dataset:digits,mn"), ["mnist"]);
  assert.deepEqual(offered("dataset:mnist"), []);
  assert.deepEqual(offered("nothing:"), []);
});

test("a suggestion takes the place of what was typed, wherever the caret is", () => {
  const [dataset] = suggestions("lr>1 da tag:a", 7, KEYS);
  assert.deepEqual(accepted("lr>1 da tag:a", dataset), ["lr>1 dataset: tag:a", 13]);
  const [digits] = suggestions("dataset:di", 10, KEYS);
  assert.deepEqual(accepted("dataset:di", digits), ["dataset:digits ", 15]);
});

test("the place of an error counts characters, not halves of them", () => {
  assert.equal(before("a😀b lr>", 4), "a😀b ");
});
