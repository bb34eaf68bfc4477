/** The runs of a sweep: status, values of the swept settings, what each arm came to. */

/** @import { Run, SweepDetail, SweepMember } from "../types" */
/** @import { Outcome } from "../swept.js" */

import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { format, ofRun } from "../location.js";
import { outcomeWords, shortName, targetWords, valueWords } from "../swept.js";
import { progressBar, statusWord } from "./status.js";

/** @type {Outcome[]} */
const OUTCOMES = ["last_accuracy", "steps_to_target"];

/**
 * @param {SweepDetail} detail Whose settings, arms and runs the table is of
 * @returns {{ element: HTMLElement, show: (detail: SweepDetail, runs: Map<number, Run>) => void }}
 *   `show` brings states and outcomes of the same runs up to date
 */
export function sweepTable({ sweep, document, members }) {
  const arms = /** @type {{ name: string }[]} */ (document.experiment.arms);
  const rows = members.map((member) => row(member, arms.length));
  const steps = arms.map(() => h("th", { scope: "col" }));
  const head = h("thead", {},
    h("tr", {}, ...["run", "status", ...sweep.settings.map((one) => shortName(one, sweep.settings))]
      .map((name) => h("th", { scope: "col", rowspan: 2 }, name)),
    ...arms.map(({ name }, at) => h("th", { scope: "colgroup", colspan: 2 },
      swatch(at, armDash(at)), name))),
    h("tr", {}, ...arms.flatMap((_, at) => [h("th", { scope: "col" }, "final accuracy"), steps[at]])));
  const element = h("div", { class: "sweep-table", role: "region", tabindex: 0,
    "aria-label": "The runs of the sweep" },
  h("table", {}, head, h("tbody", {}, ...rows.map((one) => one.element))));
  return { element, show(detail, runs) {
    for (const cell of steps) setText(cell, `steps to ${targetWords(detail.target)}`);
    detail.members.forEach((member, at) => rows[at].show(member, runs.get(member.run.id) ?? member.run));
  } };
}

/**
 * @param {SweepMember} member
 * @param {number} arms
 */
function row({ run, values }, arms) {
  const word = h("span", { class: "status" });
  const progress = progressBar();
  const state = h("span", { class: "progress-line" }, progress.element, progress.words);
  const cells = Array.from({ length: 2 * arms }, () => h("td", { class: "number" }));
  const element = h("tr", { "data-run": run.id },
    h("th", { scope: "row" }, h("a", { href: format(ofRun(run.id)), title: run.name }, `#${run.id}`)),
    h("td", {}, word, state),
    ...values.map((value) => h("td", { class: "number" }, valueWords(value))), ...cells);
  return { element,
    /**
     * @param {SweepMember} member
     * @param {Run} now
     */
    show(member, now) {
      statusWord(word, now);
      progress.show(now);
      state.hidden = now.status === "queued" || now.status === "finished";
      cells.forEach((cell, at) => {
        const arm = member.arms[Math.floor(at / 2)];
        setText(cell, arm ? outcomeWords(arm, OUTCOMES[at % 2]) : "");
      });
    } };
}
