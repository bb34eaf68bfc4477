/** One run in the list; its parts are updated in place while it runs. */

/** @import { Run, RunCell } from "../types" */
/** @import { Column } from "./run_cells.js" */

import { mayChange } from "../access.js";
import { h, setText } from "../dom.js";
import { sweepChip } from "./chip.js";
import { runEdit } from "./run_edit.js";

export class RunRow {
  #name = h("a", { class: "name" });
  #about = h("span", { class: "about" });
  /** @type {RunCell[]} */
  #cells = [];
  /** @type {HTMLFormElement | null} */
  #form = null;

  /**
   * @param {Run} run
   * @param {Column[]} columns
   * @param {(event: MouseEvent) => void} onSelect
   */
  constructor(run, columns, onSelect) {
    this.run = run;
    this.box = h("input", { type: "checkbox", tabindex: -1, "aria-label": `Select run ${run.id}`,
      onclick: onSelect });
    this.#name.href = `/runs/${run.id}`;
    const edit = h("button", { type: "button", class: "quiet edit changes", tabindex: -1,
      "aria-label": `Edit run ${run.id}`, onclick: () => this.edit() }, "Edit");
    const title = h("span", { class: "what" }, this.#name, h("span", { class: "line" },
      run.sweep_id !== null && sweepChip(run.sweep_id), this.#about));
    const made = columns.map(({ name, make }) => {
      const cell = make();
      this.#cells.push(cell);
      return { name, element: cell.element };
    });
    const status = made.filter(({ name }) => name === "status");
    const ordered = [...status, { name: "name", element: title },
      ...made.filter((one) => !status.includes(one))];
    this.element = h("div", { class: "run-row", role: "row", id: `run-row-${run.id}`,
      "data-run": run.id },
      h("span", { class: "col-id", role: "gridcell" }, this.box,
        h("span", { class: "id" }, `#${run.id}`), edit),
      ...ordered.map(({ name, element }) =>
        h("span", { class: `col-${name}`, role: "gridcell" }, element)));
    this.show(run);
  }

  get isEdited() {
    return this.#form !== null;
  }

  /** @param {Run} run */
  show(run) {
    this.run = run;
    setText(this.#name, run.name);
    this.#name.title = run.name;
    const about = run.error ?? run.phase ?? run.note;
    setText(this.#about, about);
    this.#about.title = about;
    this.#about.classList.toggle("bad", run.error !== null);
    this.element.classList.toggle("gone", run.deleted_at !== null);
    for (const cell of this.#cells) cell.show(run);
  }

  /**
   * @param {boolean} isSelected
   * @param {boolean} isCurrent
   */
  mark(isSelected, isCurrent) {
    this.box.checked = isSelected;
    this.element.setAttribute("aria-selected", String(isSelected));
    this.element.classList.toggle("current", isCurrent);
  }

  /** Edit its name, tags and note in place. */
  edit() {
    if (this.#form || !mayChange()) return;
    const form = this.#form = runEdit(this.run, () => {
      this.#form = null;
      form.remove();
      this.element.closest("[role=grid]")?.dispatchEvent(new CustomEvent("edited"));
    });
    this.element.append(form);
    form.querySelector("input")?.select();
  }
}
