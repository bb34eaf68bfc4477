/** Runs: the first screen, newest first, live. */

/** @import { Mounted } from "../types" */

import * as api from "../api.js";
import { h, setText } from "../dom.js";
import { learnRuns, store } from "../state.js";
import { offerFirst } from "./first_run.js";
import { RunRow } from "./run_row.js";

const AGES_EVERY = 10_000;
const COLUMNS = ["#", "status", "run", "test accuracy, last (best)", "progress", "speed", "device",
  "created"];

/** @returns {Mounted} */
export function runsView() {
  const list = h("ol", { class: "runs", "aria-label": "Runs, newest first" });
  const more = h("button", { type: "button", hidden: true, onclick: () => load(next) },
    "Load more");
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const empty = h("section", { class: "empty-state", hidden: true });
  const head = h("div", { class: "run-row head", "aria-hidden": "true" },
    ...COLUMNS.map((name) => h("span", {}, name)));
  const element = h("main", { class: "runs-view" },
    h("div", { class: "title-line" }, h("h1", {}, "Runs"),
      h("a", { class: "button", href: "/new" }, "New run")),
    problem, head, list, empty, more);
  /** @type {Map<number, RunRow>} */
  const rows = new Map();
  /** The rows reach down to this number; older runs are behind "Load more". */
  let oldest = Infinity;
  /** @type {number | null} */
  let next = null;
  let loaded = false;
  const closing = new AbortController();

  /** @param {number | null} before */
  async function load(before) {
    try {
      const page = await api.getRuns({ before });
      next = page.next;
      oldest = page.next === null ? 0 : Math.min(oldest, ...page.runs.map(({ id }) => id));
      loaded = true;
      problem.hidden = true;
      learnRuns(page.runs);
      show();
    } catch (error) {
      setText(problem, /** @type {Error} */ (error).message);
      problem.hidden = false;
    }
  }

  function show() {
    if (!loaded) return;
    const { runs } = store.get();
    for (const run of runs.values()) {
      if (run.id < oldest) continue;
      const row = rows.get(run.id);
      if (row) row.show(run);
      else insert(new RunRow(run));
    }
    more.hidden = next === null;
    head.hidden = rows.size === 0;
    if (rows.size === 0 && empty.hidden) offerFirst(empty, closing.signal);
    empty.hidden = rows.size > 0;
  }

  /** @param {RunRow} row */
  function insert(row) {
    const after = [...rows.values()].find(({ run }) => run.id < row.run.id);
    const ordered = [...rows, /** @type {[number, RunRow]} */ ([row.run.id, row])]
      .sort(([a], [b]) => b - a);
    rows.clear();
    for (const [id, one] of ordered) rows.set(id, one);
    list.insertBefore(row.element, after?.element ?? null);
  }

  const ages = window.setInterval(() => {
    for (const row of rows.values()) row.showAge();
  }, AGES_EVERY);
  const unsubscribe = store.subscribe((state, before) => {
    if (state.runs !== before.runs) show();
    // What changed while the connection was lost is not told again: ask.
    if (state.connection === "live" && before.connection === "reconnecting") load(null);
  });
  load(null);
  return { element, title: "Runs", close: () => {
    window.clearInterval(ages);
    unsubscribe();
    closing.abort();
  } };
}
