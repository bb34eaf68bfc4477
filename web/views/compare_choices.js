/** Choices of a comparison: lists to choose from, rebuilt only when they say something else. */

/** @import { Field } from "../types" */

import { h } from "../dom.js";
import { fieldOf } from "./compare_tables.js";

/**
 * @typedef {object} Choice
 * @property {string} label
 * @property {string[][]} options Value, text, and of which group it is, where there are groups
 * @property {string} current
 * @property {(value: string) => void} choose
 */

/**
 * Put choices into an element; the one that has the focus keeps it.
 * @param {HTMLElement} element
 * @param {Choice[]} choices
 */
export function fillChoices(element, choices) {
  const key = JSON.stringify(choices);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  const focused = [...element.querySelectorAll("select")]
    .findIndex((select) => select === document.activeElement);
  element.replaceChildren(...choices.map(choiceOf));
  element.querySelectorAll("select")[focused]?.focus();
}

/** @param {Choice} choice */
function choiceOf({ label, options, current, choose }) {
  const groups = [...Map.groupBy(options, ([, , group]) => group)].map(([group, those]) => {
    const found = those.map(([value, text]) =>
      h("option", { value, selected: value === current }, text));
    return group === undefined ? found : [h("optgroup", { label: group }, ...found)];
  });
  const select = h("select", { onchange: () => choose(select.value) }, ...groups.flat());
  return h("label", {}, `${label} `, select);
}

/**
 * Settings as options: title and path; of what the schema does not know, as a watched program's, the
 * path alone.
 * @param {string[]} paths
 * @param {Field[]} fields
 */
export const settingOptions = (paths, fields) =>
  paths.map((path) => {
    const title = fieldOf(path, fields)?.title;
    return [path, title === undefined ? path : `${title} (${path})`];
  });
