import assert from "node:assert/strict";
import { test } from "node:test";

import { changes, command, completed, differences, equal, valueAt, withValue } from "../../web/document.js";

const ORIGIN = { name: "A pair", dataset: "mnist", steps: 10, optimizer: { lr: 0.1 }, seeds: [0],
  arms: [{ name: "none", lr: null }] };
const FIELDS = /** @type {any[]} */ (["name", "dataset", "steps", "optimizer.lr", "seeds", "arms"]
  .map((path) => ({ path })));

test("values are read and set by dotted path, and the original stays as it is", () => {
  const changed = withValue(ORIGIN, "optimizer.lr", 0.5);
  assert.equal(valueAt(changed, "optimizer.lr"), 0.5);
  assert.equal(valueAt(ORIGIN, "optimizer.lr"), 0.1);
  assert.equal(valueAt(ORIGIN, "nothing.there"), undefined);
});

test("documents are compared by what they hold", () => {
  assert.ok(equal([{ a: [1, null] }], [{ a: [1, null] }]));
  assert.ok(!equal([1, 2], [1]));
  assert.ok(!equal({ a: 1 }, { a: "1" }));
  assert.ok(!equal([], {}));
  const changed = withValue(withValue(ORIGIN, "seeds", [0, 1]), "optimizer.lr", 0.2);
  assert.deepEqual(differences(FIELDS, changed, ORIGIN).map(({ path }) => path),
    ["optimizer.lr", "seeds"]);
});

test("what differs is told value by value, of arms by their settings", () => {
  const items = [{ path: "name", title: "Name" }, { path: "lr", title: "Learning rate" }];
  const all = FIELDS.map((field) => ({ ...field, title: field.path, kind: "text" }));
  Object.assign(all.find(({ path }) => path === "arms"), { title: "Arms", kind: "table", items });
  const changed = { ...ORIGIN, steps: 20, arms: [{ name: "none", lr: 1 }, { name: "more", lr: 2 }] };
  const told = (/** @type {any} */ document, /** @type {any} */ origin) =>
    changes(all, document, origin).map(({ title, path, value, before }) => [title, path, value, before]);
  assert.deepEqual(told(changed, ORIGIN), [
    ["steps", "steps", 20, 10],
    ["Arm 1, Learning rate", "arms.0.lr", 1, null],
    ["Arm 2", "arms.1", "more", undefined],
  ]);
  assert.deepEqual(told(ORIGIN, changed)[2], ["Arm 2", "arms.1", undefined, "more"]);
  assert.deepEqual(told(ORIGIN, ORIGIN), []);
});

test("what a stored document lacks is filled with defaults, in its tables too", () => {
  const items = [{ path: "name", kind: "text" }, { path: "affine", kind: "boolean", default: true },
    { path: "lr", kind: "number", default: null }];
  const all = /** @type {any[]} */ ([{ path: "steps", kind: "integer", default: 50 },
    { path: "network.groups", kind: "integer", default: 2 },
    { path: "arms", kind: "table", items, default: [{ name: "a", affine: true, lr: null }] }]);
  assert.deepEqual(completed(all, { steps: 7, arms: [{ name: "x" }, { name: "y", affine: false }] }),
    { steps: 7, network: { groups: 2 }, arms: [{ name: "x", affine: true, lr: null },
      { name: "y", affine: false, lr: null }] });
  assert.equal(completed(all, { steps: null }).steps, null, "what is empty stays empty");
  assert.deepEqual(completed(all, {}), { steps: 50, network: { groups: 2 },
    arms: [{ name: "a", affine: true, lr: null }] });
});

test("the command names just what differs, quoted for a shell", () => {
  assert.equal(command("mnist-sigmoid", FIELDS, ORIGIN, ORIGIN), "shiftscope run mnist-sigmoid");
  const changed = { ...ORIGIN, name: "it's 3", dataset: "digits", optimizer: { lr: 0.5 },
    seeds: [0, 1], arms: [{ name: "none", lr: 1 }] };
  assert.equal(command("mnist-sigmoid", FIELDS, changed, ORIGIN),
    "shiftscope run mnist-sigmoid --set 'name=it'\\''s 3' --set dataset=digits " +
    "--set optimizer.lr=0.5 --set 'seeds=[0,1]' --set 'arms=[{\"name\":\"none\",\"lr\":1}]'");
});

test("a text that JSON would read as something else is quoted as JSON", () => {
  assert.equal(command("x", FIELDS, { ...ORIGIN, name: "123" }, ORIGIN),
    "shiftscope run x --set 'name=\"123\"'");
});
