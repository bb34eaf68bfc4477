import assert from "node:assert/strict";
import { test } from "node:test";

import { COLUMNS } from "../../web/views/run_cells.js";

/** As much of an element as a cell of tags needs. */
class Bare {
  /** @type {any[]} */
  children = [];

  /** @param {any[]} children */
  append(...children) {
    this.children.push(...children);
  }

  /** @param {any[]} children */
  replaceChildren(...children) {
    this.children = children;
  }

  setAttribute() {}

  /** @returns {string} */
  get textContent() {
    return this.children.map((child) => child.textContent ?? child).join("");
  }
}

test("other tags are shown, also where they are the same letters", () => {
  globalThis.document = /** @type {any} */ ({ createElement: () => new Bare() });
  const cell = COLUMNS.find(({ name }) => name === "tags")?.make();
  assert.ok(cell);
  const shown = () => [...cell.element.children].map(({ textContent }) => textContent);
  for (const tags of [["ab", "c"], ["a", "bc"], ["abc"], []]) {
    cell.show(/** @type {any} */ ({ tags }));
    assert.deepEqual(shown(), tags);
  }
  cell.show(/** @type {any} */ ({ tags: ["kept"] }));
  const [before] = cell.element.children;
  cell.show(/** @type {any} */ ({ tags: ["kept"] }));
  assert.equal(cell.element.children[0], before);
});

test("findings are old when the rules have looked since, also at a step that is known", () => {
  const beside = COLUMNS.find(({ name }) => name === "findings")?.beside;
  /** @param {number | null} diagnosed */
  const state = (diagnosed) => beside?.stateOf(/** @type {any} */ ({ step: 90, status: "finished", diagnosed }));
  assert.equal(state(90), state(90));
  assert.equal(new Set([state(null), state(80), state(90)]).size, 3);
});
