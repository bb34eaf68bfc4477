/** The control of one setting: an input, a choice or a check box, with its problem beside it. */

/** @import { Field, FieldProblem, Json } from "./types" */
/** @import { Control } from "./form.js" */

import { h, setText } from "./dom.js";
import { fromText, toText } from "./schema.js";

/**
 * @param {Field} field
 * @param {string} path Where it is in the experiment; it makes the control's id
 * @param {() => void} onChange
 * @param {{ label?: string }} [options] `label`: for a control without one of its own in sight
 * @returns {Control}
 */
export function control(field, path, onChange, { label } = {}) {
  const id = `set-${path}`;
  const problem = h("p", { class: "problem", id: `${id}-problem` });
  const input = inputFor(field, { id, name: path, "aria-label": label });
  input.addEventListener("input", onChange);
  return {
    element: h("span", { class: "control" },
      h("span", { class: "entry" }, input, field.unit && h("span", { class: "unit" }, field.unit)),
      problem),
    show(value) {
      if (input instanceof HTMLInputElement && input.type === "checkbox") {
        input.checked = value === true;
      } else input.value = toText(value);
    },
    read: () => readInput(field, input),
    mark(problems) {
      setText(problem, problems.map((one) => words(one, path)).join(" "));
      for (const [name, value] of [["aria-invalid", "true"], ["aria-describedby", problem.id]]) {
        if (problems.length) input.setAttribute(name, value);
        else input.removeAttribute(name);
      }
    },
  };
}

/**
 * @param {Field} field
 * @param {Record<string, string | undefined>} attributes
 */
function inputFor(field, attributes) {
  switch (field.kind) {
    case "choice":
      return h("select", attributes, field.nullable && h("option", { value: "" }, field.empty),
        ...field.choices.map((choice) => h("option", {}, choice)));
    case "boolean":
      return h("input", { ...attributes, type: "checkbox" });
    default:
      return h("input", {
        ...attributes, type: "text", autocomplete: "off", spellcheck: "false",
        inputmode: { integer: "numeric", number: "decimal" }[String(field.kind)],
        class: field.kind === "text" ? "long" : field.kind,
        placeholder: field.empty || null,
      });
  }
}

/**
 * @param {Field} field
 * @param {HTMLInputElement | HTMLSelectElement} input
 * @returns {Json}
 */
function readInput(field, input) {
  if (input instanceof HTMLInputElement && input.type === "checkbox") return input.checked;
  return fromText(field, input.value);
}

/**
 * The server's words, with the place in a list where it names one.
 * @param {FieldProblem} problem
 * @param {string} path
 */
function words({ field, message }, path) {
  const place = /^\.(\d+)$/.exec(field.slice(path.length));
  return place ? `Item ${Number(place[1]) + 1}: ${message}` : message;
}
