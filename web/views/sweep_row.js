/** One sweep in the list: what is swept, how far its runs are, and the best of them. */

/** @import { FoldedSweep } from "../types" */
/** @import { Column } from "./run_cells.js" */

import { h, setText } from "../dom.js";
import { percent } from "../format.js";
import { format, ofRun, ofSweep } from "../location.js";
import { shortName, valueWords } from "../swept.js";
import { ageCell } from "./run_cells.js";
import { countWords } from "./status.js";

export class SweepRow {
  isEdited = false;
  #name = h("a", { class: "name" });
  #about = h("span", { class: "about" });
  #status = h("span", { class: "counts" });
  #best = h("span", { class: "best-run" });
  #age = ageCell();
  #shown = "";

  /**
   * @param {FoldedSweep} fold
   * @param {Column[]} columns
   * @param {(event: MouseEvent) => void} onSelect
   * @param {() => void} onFold
   */
  constructor(fold, columns, onSelect, onFold) {
    const { id } = fold.sweep;
    this.fold = fold;
    this.box = h("input", { type: "checkbox", tabindex: -1, onclick: onSelect,
      "aria-label": `Select the runs of sweep ${id}` });
    this.opener = h("button", { type: "button", class: "quiet opener", tabindex: -1, onclick: onFold },
      h("span", { "aria-hidden": "true" }, "▸"));
    this.#name.href = format(ofSweep(id));
    const title = h("span", { class: "what" }, this.#name, h("span", { class: "line" }, this.#about));
    /** @type {Record<string, HTMLElement>} */
    const cells = { status: this.#status, arms: this.#best, age: this.#age.element };
    const made = columns.map(({ name }) => ({ name, element: cells[name] ?? h("span", {}) }));
    const status = made.filter(({ name }) => name === "status");
    const ordered = [...status, { name: "name", element: title },
      ...made.filter((one) => !status.includes(one))];
    this.element = h("div", { class: "run-row sweep-row", role: "row", id: `sweep-row-${id}`, "data-sweep": id },
      h("span", { class: "col-id", role: "gridcell" }, this.box, this.opener),
      ...ordered.map(({ name, element }) =>
        h("span", { class: `col-${name}`, role: "gridcell" }, element)));
    this.show(fold);
  }

  /** @param {FoldedSweep} fold */
  show(fold) {
    this.fold = fold;
    const { sweep: { id, name, settings, statuses, created_at }, runs, size, best } = fold;
    this.#age.show({ created_at });
    const said = JSON.stringify(fold);
    if (said === this.#shown) return;
    this.#shown = said;
    setText(this.#name, `Sweep ${id} · ${name}`);
    this.#name.title = name;
    const swept = settings.map((one) => shortName(one, settings)).join(" × ");
    setText(this.#about, `${runs.length === size ? size : `${runs.length} of ${size}`} runs by ${swept}`);
    this.#about.title = settings.join(", ");
    setText(this.#status, countWords(statuses));
    const values = best?.values.map((value, at) =>
      `${shortName(settings[at], settings)} ${valueWords(value)}`).join(", ");
    this.#best.replaceChildren(...best ? [
      h("span", {}, "best ", h("span", { class: "number" }, percent(Number(best.accuracy))), " by ",
        h("a", { href: format(ofRun(best.run)) }, `#${best.run}`)),
      h("span", { class: "about", title: values }, values)] : []);
  }

  /** @param {boolean} isOpen Whether its runs are shown below it */
  unfold(isOpen) {
    this.element.setAttribute("aria-expanded", String(isOpen));
    const { sweep: { id }, runs } = this.fold;
    this.opener.setAttribute("aria-label",
      `${isOpen ? "Hide" : "Show"} the ${runs.length} runs of sweep ${id}`);
    this.opener.classList.toggle("open", isOpen);
  }

  /**
   * @param {boolean} isSelected All its runs are
   * @param {boolean} isPartly Some of them are
   * @param {boolean} isCurrent
   */
  mark(isSelected, isPartly, isCurrent) {
    this.box.checked = isSelected;
    this.box.indeterminate = isPartly && !isSelected;
    this.element.setAttribute("aria-selected", String(isSelected));
    this.element.classList.toggle("current", isCurrent);
  }

  /** Its runs are edited each for itself. */
  edit() {}
}
