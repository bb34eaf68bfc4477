import assert from "node:assert/strict";
import { test } from "node:test";

import { fields, fromText, rangeOf, toText } from "../../web/schema.js";

const SCHEMA = {
  $defs: {
    Arm: {
      type: "object",
      properties: {
        name: { type: "string", title: "Name" },
        norm: { enum: ["none", "batch"], default: "none", title: "Normalization", type: "string" },
        lr: { anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "null" }], default: null,
          empty: "as above" },
      },
    },
    Optimizer: {
      type: "object",
      properties: {
        lr: { type: "number", exclusiveMinimum: 0, maximum: 1000, default: 0.1, group: "Training" },
      },
    },
  },
  type: "object",
  properties: {
    name: { type: "string", default: "Untitled pair", title: "Name" },
    steps: { type: "integer", minimum: 1, maximum: 50000, default: 10, unit: "steps",
      title: "Steps", description: "Mini-batches to train on." },
    binary: { type: "boolean", default: true },
    optimizer: { $ref: "#/$defs/Optimizer", default: { lr: 0.1 } },
    seeds: { type: "array", items: { type: "integer", minimum: 0 }, minItems: 1, maxItems: 16,
      default: [0] },
    arms: { type: "array", items: { $ref: "#/$defs/Arm" }, minItems: 1, maxItems: 6 },
  },
};
const all = fields(SCHEMA);
const named = (path) => all.find((field) => field.path === path);

test("every setting becomes a field, in order, parts by their dotted path", () => {
  assert.deepEqual(all.map(({ path, kind }) => [path, kind]), [
    ["name", "text"], ["steps", "integer"], ["binary", "boolean"], ["optimizer.lr", "number"],
    ["seeds", "list"], ["arms", "table"],
  ]);
});

test("title, unit, range and default are those of the schema", () => {
  const { title, unit, range, default: given, description } = named("steps");
  assert.deepEqual([title, unit, range, given, description],
    ["Steps", "steps", "1 to 50,000", 10, "Mini-batches to train on."]);
  assert.equal(named("optimizer.lr").range, "above 0, up to 1,000");
  assert.equal(named("optimizer.lr").group, "Training");
  assert.equal(named("seeds").range, "0 or more");
  assert.equal(rangeOf({ exclusiveMaximum: 1, minimum: 0 }), "0 or more, below 1");
});

test("a table's columns are fields too, and may be empty where null is allowed", () => {
  const { items, least, most } = named("arms");
  assert.deepEqual(items.map(({ path, kind, nullable }) => [path, kind, nullable]),
    [["name", "text", false], ["norm", "choice", false], ["lr", "number", true]]);
  assert.deepEqual([least, most, items[1].choices], [1, 6, ["none", "batch"]]);
  assert.deepEqual(items.map(({ empty }) => empty), ["", "", "as above"]);
});

test("values read back as they were written", () => {
  const cases = [["seeds", [0, 1, 2]], ["steps", 20000], ["optimizer.lr", 1e-5], ["binary", false],
    ["name", "a, b"]];
  for (const [path, value] of cases) {
    assert.deepEqual(fromText(named(path), toText(value)), value);
  }
  assert.equal(fromText(named("arms").items[2], ""), null);
  assert.equal(toText(null), "");
});

test("what cannot be read goes to the server as it was typed", () => {
  assert.equal(fromText(named("steps"), "many"), "many");
  assert.equal(fromText(named("steps"), ""), "");
  assert.equal(fromText(named("steps"), "1e5"), 100000);
  assert.deepEqual(fromText(named("seeds"), "1, x,"), [1, "x"]);
  assert.deepEqual(fromText(named("seeds"), " "), []);
});
