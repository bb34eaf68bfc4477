/** Audit: who changed what, the newest first; for those who may change something. */

/** @import { AuditEntry, Mounted } from "../types" */

import { getAudit } from "../asking/lists.js";
import { h, setText } from "../dom.js";
import { exact } from "../format.js";
import { format, ofRun } from "../location.js";

const COLUMNS = ["Time", "Who", "Run", "Answer", "What was asked for"];
const AT_ONCE = 100;

/** @returns {Mounted} */
export function auditView() {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const note = h("p", { class: "nothing", hidden: true }, "Nobody has changed anything yet.");
  const rows = h("tbody", {});
  const table = h("div", { class: "entries", role: "region", tabindex: 0, hidden: true,
    "aria-label": "Who changed what" },
  h("table", {}, h("thead", {}, h("tr", {},
    ...COLUMNS.map((name) => h("th", { scope: "col" }, name)))), rows));
  const older = h("button", { type: "button", hidden: true, onclick: () => more() }, "Older");
  const element = h("main", { class: "audit" }, h("h1", {}, "Audit"),
    h("p", { class: "hint" }, "Who changed what, newest first."), problem, note, table, older);
  const closing = new AbortController();
  /** @type {number | null} */
  let oldest = null;

  async function more() {
    older.disabled = true;
    try {
      const { entries } = await getAudit(oldest, AT_ONCE, closing.signal);
      rows.append(...entries.map(row));
      oldest = entries.at(-1)?.id ?? oldest;
      table.hidden = oldest === null;
      note.hidden = oldest !== null;
      older.hidden = entries.length < AT_ONCE;
      problem.hidden = true;
    } catch (error) {
      if (closing.signal.aborted) return;
      setText(problem, error instanceof Error ? error.message : String(error));
      problem.hidden = false;
    }
    older.disabled = false;
  }

  more();
  return { element, title: "Audit", close: () => closing.abort() };
}

/** @param {AuditEntry} entry */
function row({ at, who, what, run_id: run, answer }) {
  const isRefused = answer !== null && answer >= 400;
  return h("tr", {}, h("td", {}, h("time", { datetime: at }, exact(at))), h("td", {}, who),
    h("td", {}, run !== null && h("a", { href: format(ofRun(run)) }, `#${run}`)),
    h("td", {}, answer, isRefused && " refused"), h("td", {}, what));
}
