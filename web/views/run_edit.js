/** A run's name, tags and note, edited in its row: Enter keeps, Escape does not. */

/** @import { Run } from "../types" */

import { editRun } from "../asking/changes.js";
import { ServerError } from "../asking/request.js";
import { h, setText } from "../dom.js";
import { learnRuns } from "../state.js";

/**
 * @param {Run} run
 * @param {() => void} onDone
 */
export function runEdit(run, onDone) {
  const [name, tags, note] = [
    ["Name", run.name, "80"],
    ["Tags", run.tags.join(" "), "400"],
    ["Note", run.note, "1000"],
  ].map(([label, value, maxlength]) => h("input", { type: "text", value, maxlength,
    placeholder: label, "aria-label": `${label} of run ${run.id}`, autocomplete: "off" }));
  const problem = h("span", { class: "problem", role: "alert" });
  const save = async () => {
    try {
      learnRuns([await editRun(run.id, { name: name.value, note: note.value,
        tags: tags.value.split(/[\s,]+/).filter(Boolean) })]);
      onDone();
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      setText(problem, error.message);
    }
  };
  const form = h("form", { class: "run-edit", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    save();
  } }, name, tags, note, h("button", { type: "submit" }, "Save"),
  h("button", { type: "button", class: "quiet", onclick: onDone }, "Cancel"), problem);
  form.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the list's own keys
    if (event.key === "Escape") onDone();
  });
  return form;
}
