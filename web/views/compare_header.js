/** The head of a comparison: its runs, adding one, and how networks become lines. */

/** @import { ComparePlace, Compared, Field, Run } from "../types" */
/** @import { Choice } from "./compare_choices.js" */

import { comparisonUrl, reportUrl } from "../asking/files.js";
import { getNumbers } from "../asking/lists.js";
import { MOST_COMPARED } from "../comparing.js";
import { h, setText } from "../dom.js";
import { fillChoices, settingOptions } from "./compare_choices.js";

/** A report has no room for more runs. */
const MOST_REPORTED = 8;

/** @typedef {(changes: Partial<ComparePlace>) => void} Choose */

export class CompareHeader {
  #count = h("span", { class: "hint", role: "status" });
  #csv = h("a", { class: "button", download: true, hidden: true }, "CSV");
  #report = h("a", { class: "button", download: true, hidden: true,
    title: "Verdicts, charts and settings of these runs in one file that needs no server" },
  "report.html");
  #chips = h("ul", { class: "chips", "aria-label": "Runs that are compared" });
  #input = h("input", { type: "text", placeholder: "12, 15 or tag:lecture", autocomplete: "off",
    "aria-label": "Add runs, by number or query", maxlength: 1000 });
  #problem = h("p", { class: "problem", role: "alert" });
  #controls = h("div", { class: "controls" });
  #key = "";
  /** @type {ComparePlace | null} */
  #place = null;

  /** @param {Choose} choose */
  constructor(choose) {
    this.choose = choose;
    this.element = h("header", { class: "compare-header" },
      h("div", { class: "title-line" }, h("h1", {}, "Compare"), this.#count, this.#csv,
        this.#report),
      this.#chips,
      h("form", { class: "add", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        this.#add();
      } }, this.#input, h("button", {}, "Add runs")),
      this.#problem, this.#controls);
  }

  /**
   * @param {ComparePlace} place
   * @param {Compared | null} compared Null until it has come, or where it cannot
   * @param {Field[]} fields
   * @param {boolean} loading Whether it is on its way
   */
  show(place, compared, fields, loading) {
    this.#place = place;
    const key = JSON.stringify([place, compared?.runs.map(({ name, status }) => [name, status]),
      compared?.groups, compared?.lines.length, fields.length, loading]);
    if (key === this.#key) return;
    this.#key = key;
    const runs = new Map(compared?.runs.map((run) => [run.id, run]));
    this.#chips.replaceChildren(...place.runs.map((id) => this.#chip(id, runs.get(id))));
    this.#csv.hidden = !compared;
    this.#csv.href = comparisonUrl(place);
    this.#report.hidden = !compared || place.runs.length > MOST_REPORTED;
    this.#report.href = reportUrl(place.runs[0], place.runs.slice(1));
    setText(this.#count, compared ? `${some(compared.runs.length, "run")}, ${
      some(compared.lines.length, "line")}` : loading ? "loading" : "");
    this.#controls.hidden = !compared;
    if (compared) fillChoices(this.#controls, this.#choices(place, compared, fields));
  }

  /**
   * @param {number} id
   * @param {Run | undefined} run
   */
  #chip(id, run) {
    return h("li", {}, h("a", { href: `/runs/${id}` }, `#${id}${run ? ` ${run.name}` : ""}`),
      h("button", { type: "button", class: "quiet", "aria-label": `Leave out run ${id}`,
        onclick: () => this.choose({ lines: [],
          runs: this.#place?.runs.filter((one) => one !== id) ?? [] }) }, "×"));
  }

  /**
   * @param {ComparePlace} place
   * @param {Compared} compared
   * @param {Field[]} fields
   * @returns {Choice[]}
   */
  #choices(place, { groups }, fields) {
    return [
      { label: "A line for each", current: place.group,
        options: [["run", "run"], ["arm", "arm, of all runs together"], ...settingOptions(groups, fields)],
        choose: (group) => this.choose({ group, lines: [] }) },
      { label: "Charts", current: place.layout, options: [["overlay", "overlay"], ["grid", "grid"]],
        choose: (layout) => this.choose({ layout: layout === "grid" ? "grid" : "overlay" }) },
      { label: "Steps", current: place.logX ? "log" : "linear",
        options: [["linear", "linear"], ["log", "logarithmic"]],
        choose: (scale) => this.choose({ logX: scale === "log" }) },
    ];
  }

  async #add() {
    const text = this.#input.value.trim();
    if (text === "" || !this.#place) return;
    setText(this.#problem, "");
    try {
      const found = /^[\s,#\d]+$/.test(text) ? (text.match(/\d+/g) ?? []).map(Number)
        : await getNumbers(text, "run");
      const runs = [...new Set([...this.#place.runs, ...found])];
      if (found.length === 0) setText(this.#problem, "No run matches.");
      else if (runs.length > MOST_COMPARED) setText(this.#problem, `These would be ${runs.length} runs; at most ${
        MOST_COMPARED} can be compared.`);
      else {
        this.#input.value = "";
        this.choose({ runs, lines: [] });
      }
    } catch (error) {
      setText(this.#problem, /** @type {Error} */ (error).message);
    }
  }
}

/**
 * @param {number} count
 * @param {string} what
 */
const some = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
