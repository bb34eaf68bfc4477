/** Several values in the place of one: a list, or a range; the setting is then swept. */

/** @import { Field, FieldProblem, Json, Spread, Swept } from "./types" */

import { h, setText } from "./dom.js";
import { fromText, toText } from "./schema.js";
import { valueWords } from "./swept.js";

/** @type {[Spread, string][]} */
const SPREADS = [["lin", "equal steps"], ["log", "equal ratios"], ["uniform", "random"],
  ["loguniform", "random, logarithmic"]];
/** So many values are told beneath the control. */
const TOLD = 8;

/**
 * @typedef {object} Several
 * @property {HTMLElement} element
 * @property {(value: Json) => void} begin Suggest values around the one that the setting has
 * @property {() => Swept} read
 * @property {(problems: FieldProblem[]) => void} mark
 * @property {(values: Json[]) => void} tell What the values are
 */

/** @param {Field} field */
export const canBeSwept = ({ kind, path }) => path !== "seeds" &&
  ["number", "integer", "choice", "boolean", "list"].includes(kind);

/**
 * @param {Field} field
 * @param {() => void} onChange
 * @returns {Several}
 */
export function severalControl(field, onChange) {
  const { path, title } = field;
  const problem = h("p", { class: "problem", id: `several-${path}-problem` });
  const told = h("p", { class: "told hint" });
  const made = field.kind === "choice" || field.kind === "boolean" ? choices(field, onChange)
    : numbers(field, onChange);
  return {
    element: h("span", { class: "several", role: "group", "aria-label": `Values of ${title}` },
      made.element, told, problem),
    begin: made.begin,
    read: made.read,
    mark(problems) {
      setText(problem, problems.map(({ message }) => message).join(" "));
      if (problems.length) setText(told, "");
      for (const input of made.element.querySelectorAll("input")) {
        if (problems.length) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
        input.setAttribute("aria-describedby", problem.id);
      }
    },
    tell(values) {
      const words = values.slice(0, TOLD).map(valueWords).join(", ");
      const isRange = made.read().values === undefined;
      setText(told, isRange ? values.length > TOLD ? `${words} …` : words : "");
    },
  };
}

/**
 * A box for each choice.
 * @param {Field} field
 * @param {() => void} onChange
 */
function choices({ path, kind, choices: all, nullable, empty }, onChange) {
  /** @type {[Json, string][]} */
  const values = kind === "boolean" ? [[true, "yes"], [false, "no"]]
    : all.map((choice) => [choice, choice]);
  if (nullable) values.unshift([null, empty]);
  const boxes = values.map(([, words]) => h("input", { type: "checkbox", onchange: onChange,
    "aria-label": words }));
  return {
    element: h("span", { class: "choices" }, ...values.map(([, words], at) =>
      h("label", {}, boxes[at], words))),
    /** @param {Json} value */
    begin(value) {
      boxes.forEach((box, at) => { box.checked = kind === "boolean" || values[at][0] === value; });
    },
    /** @returns {Swept} */
    read: () => ({ setting: path,
      values: values.filter((_, at) => boxes[at].checked).map(([value]) => value) }),
  };
}

/**
 * A list as text, or a range from its ends; what is a list itself has a list of lists.
 * @param {Field} field
 * @param {() => void} onChange
 */
function numbers(field, onChange) {
  const { path, kind, title } = field;
  const isList = kind === "list";
  const separator = isList ? ";" : ",";
  /**
   * @param {string} label
   * @param {string} name
   */
  const input = (label, name) => h("input", { type: "text", autocomplete: "off", spellcheck: "false",
    class: name, oninput: onChange, "aria-label": `${label} of ${title}` });
  const list = input("List of values", "values");
  list.placeholder = isList ? "100, 100; 50, 50" : "0.01, 0.1, 1";
  const [low, high, count] = [input("Lowest value", "end"), input("Highest value", "end"),
    input("Number of values", "count")];
  const ends = h("span", { class: "ends", hidden: true }, low, "to", high, "×", count);
  const how = h("select", { "aria-label": `How ${title} varies`, onchange: () => {
    ends.hidden = how.value === "list";
    list.hidden = !ends.hidden;
    onChange();
  } }, h("option", { value: "list" }, "a list"),
  ...SPREADS.map(([name, words]) => h("option", { value: name }, words)));
  /** @param {HTMLInputElement} one */
  const number = (one) => fromText({ ...field, kind: "number", nullable: false }, one.value);
  return {
    element: h("span", { class: "numbers" }, !isList && how, list, ends),
    /** @param {Json} value */
    begin(value) {
      if (list.value === "") list.value = toText(value);
      if (typeof value !== "number" || low.value !== "") return;
      [low.value, high.value, count.value] = [value / 10, value * 10, 5]
        .map((one) => String(Number(one.toPrecision(6))));
    },
    /** @returns {Swept} */
    read: () => how.value === "list" ? { setting: path,
      values: list.value.split(separator).filter((part, at) => part.trim() !== "" || at === 0)
        .map((part) => fromText(field, part)) }
      : { setting: path, spread: /** @type {Spread} */ (how.value), low: number(low),
        high: number(high), count: number(count) },
  };
}
