/** Log: what happened to a run, in order and with times. */

/** @import { LogEntry, RunDetail } from "../types" */

import { getLog } from "../asking/records.js";
import { h } from "../dom.js";
import { duration, exact } from "../format.js";
import { whenRunChanges } from "../run_changes.js";
import { isActive } from "./status.js";

/** @param {RunDetail} run */
export function logTab(run) {
  const rows = h("tbody", {});
  const note = h("p", { class: "nothing", hidden: true });
  const table = h("table", { hidden: true }, h("thead", {}, h("tr", {},
    ...["Time", "After", "What happened"].map((name) => h("th", { scope: "col" }, name)))), rows);
  const element = h("div", { class: "entries", role: "log", "aria-label": "Log" }, table, note);
  let last = 0;
  let begun = NaN;

  /** @param {AbortSignal} signal */
  async function refresh(signal) {
    const { entries } = await getLog(run.id, last, signal);
    for (const entry of entries) {
      if (Number.isNaN(begun)) begun = Date.parse(entry.at);
      rows.append(row(entry, begun));
      last = entry.id;
    }
    table.hidden = last === 0;
    note.hidden = last > 0;
    note.textContent = isActive(run) ? "Nothing has happened yet."
      : run.imported ? "It was imported, and nothing has happened to it since."
        : "An earlier version of shiftscope made this run, and kept no log.";
  }

  const close = whenRunChanges(run, refresh, (detail) => {
    note.textContent = detail;
    note.hidden = false;
  });
  return { element, close };
}

/**
 * @param {LogEntry} entry
 * @param {number} begun
 */
function row({ at, level, message }, begun) {
  const after = (Date.parse(at) - begun) / 1000;
  return h("tr", { class: level }, h("td", {}, h("time", { datetime: at }, exact(at))),
    h("td", {}, duration(after)),
    h("td", {}, level === "info" ? "" : h("strong", {}, `${level}: `), message));
}
