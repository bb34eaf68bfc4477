/** The form of an experiment: what is asked, what is allowed, what differs. */

/** @import { Experiment, Field, FieldProblem, Json, Swept } from "./types" */
/** @import { Several } from "./several.js" */

import { control } from "./control.js";
import { equal, valueAt, withValue } from "./document.js";
import { h, setText } from "./dom.js";
import { whole } from "./format.js";
import { toText } from "./schema.js";
import { canBeSwept, severalControl } from "./several.js";
import { tableControl } from "./table.js";

/**
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {(value: Json | undefined) => void} show
 * @property {() => Json} read
 * @property {(problems: FieldProblem[]) => void} mark Problems of this setting; none clears it
 */

/**
 * @typedef {object} Row
 * @property {Field} field
 * @property {Control} control
 * @property {HTMLElement} row
 * @property {HTMLElement} was
 * @property {Several | null} several While the setting has several values
 */

export class ExperimentForm {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  #general = h("div", { class: "problem", role: "alert", hidden: true });

  /**
   * @param {Field[]} fields
   * @param {Experiment} origin What differs from it is marked
   * @param {() => void} onChange
   * @param {{ sweeps: boolean }} options `sweeps`: whether a setting can have several values
   */
  constructor(fields, origin, onChange, { sweeps }) {
    this.origin = origin;
    const groups = Map.groupBy(fields, ({ group }) => group);
    this.element = h("div", { class: "settings" }, this.#general,
      ...[...groups].map(([group, members]) => h("fieldset", {},
        h("legend", {}, group || "Experiment"),
        ...members.map((field) => this.#row(field, onChange, sweeps)))));
    this.write(origin);
  }

  /**
   * @param {Field} field
   * @param {() => void} onChange
   * @param {boolean} sweeps
   */
  #row(field, onChange, sweeps) {
    const changed = () => {
      this.#compare(field.path);
      onChange();
    };
    const isTable = field.kind === "table";
    const made = isTable ? tableControl(field, changed) : control(field, field.path, changed);
    const was = h("p", { class: "was" });
    const label = h("label", { id: `name-${field.path}`,
      for: isTable ? null : `set-${field.path}` }, field.title);
    const several = sweeps && canBeSwept(field) ? severalControl(field, changed) : null;
    const row = h("div", { class: `setting ${field.kind}` },
      h("div", { class: "name" }, label, several && this.#switch(field, several, changed)),
      h("div", { class: "value" }, made.element, was),
      h("p", { class: "allowed" }, ...allowed(field)),
      h("p", { class: "about" }, field.description));
    this.#rows.set(field.path, { field, control: made, row, was, several: null });
    return row;
  }

  /**
   * The button that gives a setting several values, and takes them away again.
   * @param {Field} field
   * @param {Several} several
   * @param {() => void} changed
   */
  #switch(field, several, changed) {
    const button = h("button", { type: "button", class: "quiet sweep",
      title: "Several values: a run for each, a sweep",
      "aria-describedby": `name-${field.path}`, onclick: () => {
        const row = /** @type {Row} */ (this.#rows.get(field.path));
        const isOn = row.several === null;
        row.several = isOn ? several : null;
        row.control.element.hidden = isOn;
        setText(button, isOn ? "one value" : "several");
        if (isOn) {
          row.control.element.after(several.element);
          several.begin(row.control.read());
          several.element.querySelector("input")?.focus();
        } else several.element.remove();
        changed();
      } }, "several");
    return button;
  }

  /** The settings that have several values. @returns {Swept[]} */
  readOver() {
    return [...this.#rows.values()].flatMap(({ several }) => several ? [several.read()] : []);
  }

  /**
   * Say what the values of a swept setting are.
   * @param {string} path
   * @param {Json[]} values
   */
  tell(path, values) {
    this.#rows.get(path)?.several?.tell(values);
  }

  /** Say what a setting was, where it is not that any more. @param {string} path */
  #compare(path) {
    const found = this.#rows.get(path);
    if (!found) return;
    const { control: made, row, was, field, several } = found;
    const before = valueAt(this.origin, path);
    const differs = several !== null || !equal(made.read(), before);
    row.classList.toggle("differs", differs);
    const text = field.kind === "table" ? "other arms" : toText(before) || field.empty || "empty";
    setText(was, differs ? `was ${text}` : "");
  }

  /** @param {Experiment} experiment */
  write(experiment) {
    for (const [path, { control: made }] of this.#rows) {
      made.show(valueAt(experiment, path));
      this.#compare(path);
    }
  }

  /** @returns {Experiment} */
  read() {
    let document = this.origin;
    for (const [path, { control: made }] of this.#rows) {
      document = withValue(document, path, made.read());
    }
    return document;
  }

  /**
   * Mark what the server found wrong, in its words, beside the settings it names.
   * @param {FieldProblem[]} problems None: nothing is wrong
   */
  mark(problems) {
    const left = new Set(problems);
    for (const [path, { control: made, row, several }] of this.#rows) {
      const own = problems.filter(({ field }) => field === path || field.startsWith(`${path}.`));
      own.forEach((problem) => left.delete(problem));
      made.mark(several ? [] : own);
      several?.mark(own);
      row.classList.toggle("wrong", own.length > 0);
    }
    const general = [...left].map(({ field, message }) => field ? `${field}: ${message}` : message);
    setText(this.#general, general.join(" "));
    this.#general.hidden = general.length === 0;
  }

  /** Go to the first setting that is wrong. */
  focusProblem() {
    const wrong = this.element.querySelector("[aria-invalid=true]");
    const said = this.element.querySelector(".problem:not(:empty)");
    if (wrong instanceof HTMLElement) wrong.focus();
    else said?.scrollIntoView({ block: "center" });
  }
}

/**
 * The range and the default, each of which stays in one line.
 * @param {Field} field
 */
function allowed({ kind, range, default: value, least, most, unit, empty }) {
  if (kind === "table") return [h("span", {}, `${least} to ${most} arms`)];
  const shown = typeof value === "number" && unit ? whole(value) : toText(value) || empty;
  return [range, value === undefined ? "" : `default ${shown}`].filter(Boolean)
    .map((text) => h("span", {}, text));
}
