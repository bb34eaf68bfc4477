/** A choice of what charts show, remembered. */

import { h } from "../dom.js";
import { recall, remember } from "../memory.js";

/**
 * The control and what is chosen now.
 * @param {object} what
 * @param {string} what.label
 * @param {string} what.memory
 * @param {string} what.otherwise
 * @param {string | null} [what.named] What a link asks for
 * @param {string[][]} what.options Each a name, and its words
 * @param {() => void} what.onChoose
 */
export function choiceOf({ label, memory, otherwise, named = null, options, onChoose }) {
  const chosen = [named, recall(memory)].find((name) =>
    options.some(([one]) => one === name)) ?? otherwise;
  const select = h("select", {
    onchange: () => {
      remember(memory, select.value);
      onChoose();
    },
  }, ...options.map(([name, words]) =>
    h("option", { value: name, selected: name === chosen }, words)));
  return { chosen, select, choice: h("label", {}, `${label} `, select) };
}
