import assert from "node:assert/strict";
import { test } from "node:test";

import { AS_REMEMBERED, chosenLook, isLog, parseLook, rememberLook } from "../../web/look.js";

const PLAIN = { x: "step", logX: false, smooth: 0, difference: false };
/** @param {string} text */
const asked = (text) => parseLook(new URLSearchParams(text));

test("without a word in the address charts are drawn plainly, or as was chosen last", () => {
  assert.deepEqual(asked(""), AS_REMEMBERED);
  assert.deepEqual(chosenLook(AS_REMEMBERED), PLAIN);
  rememberLook({ x: "epoch", smooth: 30 });
  rememberLook({ log: { "train-loss": true } });
  assert.deepEqual(chosenLook(AS_REMEMBERED), { ...PLAIN, x: "epoch", smooth: 30 });
  assert.equal(isLog(AS_REMEMBERED, { id: "train-loss", log: false }), true);
  assert.equal(isLog(AS_REMEMBERED, { id: "test-loss", log: false }), false);
});

test("the address counts for more than what is remembered", () => {
  rememberLook({ x: "epoch", difference: true, log: { fan: true } });
  const look = asked("x=seconds&scale=log&smooth=0&difference=0&linear=fan");
  assert.deepEqual(chosenLook(look), { x: "seconds", logX: true, smooth: 0, difference: false });
  assert.equal(isLog(look, { id: "fan", log: true }), false);
});

test("what makes no sense is passed over, and a chart without a logarithm has none", () => {
  assert.deepEqual(asked("x=parsecs&scale=cubic&smooth=-3&difference=maybe&log="), AS_REMEMBERED);
  assert.equal(isLog(asked("log=test-accuracy"), { id: "test-accuracy", log: null }), false);
});
