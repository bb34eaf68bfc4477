/** Runs: the first screen. A query, a table of what matches, and what to do with the selected. */

/** @import { Mounted, Place, Run } from "../types" */

import { listUrl } from "../asking/files.js";
import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { format, go, IN_SWEEPS, NEWEST, ofQuery } from "../location.js";
import { keyOfRun, RunList } from "../run_list.js";
import { Selection } from "../selection.js";
import { store } from "../state.js";
import { bulkBar } from "./bulk_bar.js";
import { chosenColumns, columnsMenu } from "./columns_menu.js";
import { offerFirst } from "./first_run.js";
import { queryBox } from "./query_box.js";
import { RunsTable } from "./runs_table.js";

const AGES_EVERY = 10_000;
/** Milliseconds from a change that may move rows until the list is asked again. */
const SETTLES = 300;
const EVERYTHING = "archived:yes,no deleted:yes,no";

/** @typedef {Extract<Place, { view: "runs" }>} RunsPlace */

/**
 * Where the list was left, so that the way back leads there.
 * @type {{ address: string, total: number | null, scroll: number }}
 */
let left = { address: "", total: null, scroll: 0 };

/**
 * @param {RunsPlace} place
 * @returns {Mounted}
 */
export function runsView(place) {
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const empty = h("section", { class: "empty-state", hidden: true });
  const count = h("span", { class: "count", role: "status" });
  const closing = new AbortController();
  /** @type {RunsPlace} */
  let at = place;
  let settling = 0;
  let isOffered = false;

  const list = new RunList(() => show());
  const selection = new Selection(() => {
    bulk.show();
    usual.hidden = selection.size > 0;
    table.show();
  });
  const table = new RunsTable(list, selection, (sort) => go({ ...at, sort }),
    (open) => go({ ...at, open }, { replace: true }));
  const bulk = bulkBar(selection, list, () => list.refresh(...table.sight));
  const box = queryBox((query) => go({ ...at, query }, { replace: true }));
  const columns = columnsMenu((chosen) => table.choose(chosen));
  const fold = h("input", { type: "checkbox",
    onchange: () => go({ ...at, apart: !fold.checked, open: [] }) });
  const sweeps = h("span", { class: "sweeps", hidden: true },
    h("label", { title: "The runs of a sweep are one row" }, fold, " fold sweeps"),
    h("a", { href: format(ofQuery(IN_SWEEPS)) }, "all sweeps"));
  const file = h("a", { class: "button", download: true,
    title: "What the list has of all these runs, and their settings, as CSV" }, "CSV");
  const usual = h("div", { class: "usual" }, count, sweeps, file, columns);
  const shell = h("div", { class: "list" },
    h("div", { class: "list-bar" }, usual, bulk.element), table.element);
  const element = h("main", { class: "runs-view" },
    h("div", { class: "title-line" }, h("h1", {}, "Runs"), box.element,
      h("a", { class: "button changes", href: "/new" }, "New run")),
    problem, shell, empty, bulk.notice);

  function show() {
    const { total, problem: error } = list;
    const possible = without(error?.fields ?? []);
    if (format(possible) !== format(at)) {
      go(possible, { replace: true });
      return;
    }
    box.mark(error);
    problem.hidden = error === null || error.position !== null;
    setText(problem, error?.message ?? "");
    if (total === null || error !== null) return;
    const { matched, folded } = list;
    setText(count, [list.query === "" ? `${whole(matched)} run${matched === 1 ? "" : "s"}`
      : `${whole(matched)} match${matched === 1 ? "es" : ""}`,
    ...folded > 0 ? [`${whole(folded)} sweep${folded === 1 ? "" : "s"}`] : []].join(", "));
    file.href = listUrl(list.query, list.sort);
    fold.checked = !list.apart;
    sweeps.hidden = folded === 0 && !list.apart;
    showEmpty(total === 0);
    table.showSort();
    table.show();
    bulk.show();
  }

  /**
   * The same list, in the usual order or with no sweep opened where there is not what was asked.
   * @param {{ field: string }[]} wrong What the server did not take
   * @returns {RunsPlace}
   */
  function without(wrong) {
    const [sort, open] = ["sort", "open"].map((name) =>
      wrong.some(({ field }) => field.split(".")[0] === name));
    return { ...at, sort: sort ? NEWEST : at.sort, open: open ? [] : at.open };
  }

  /** @param {boolean} isEmpty */
  function showEmpty(isEmpty) {
    shell.hidden = isEmpty;
    empty.hidden = !isEmpty;
    if (!isEmpty) isOffered = false;
    else if (list.query !== "") {
      isOffered = false;
      empty.replaceChildren(h("p", { class: "lead" }, "No run matches. ",
        h("a", { href: "/" }, "Show all runs"), "."));
    } else if (!isOffered) {
      isOffered = true;
      offerWhatThereIs();
    }
  }

  /** Nothing is listed: either nothing has been run, or all of it is put away. */
  async function offerWhatThereIs() {
    const all = new RunList(() => {
      if (!isOffered || closing.signal.aborted) return;
      if (all.total === 0) offerFirst(empty, closing.signal);
      else {
        empty.replaceChildren(h("p", { class: "lead" }, "Every run is archived or deleted. ",
          h("a", { href: format({ ...at, query: EVERYTHING }) }, "Show them"), "."));
      }
    });
    all.show(ofQuery(EVERYTHING));
  }

  /** Something may have moved rows. */
  function settle() {
    settling ||= window.setTimeout(() => {
      settling = 0;
      list.refresh(...table.sight);
    }, SETTLES);
  }

  /** @param {KeyboardEvent} event Of the whole page, where nothing else takes keys */
  function key(event) {
    const { target } = event;
    const isTaken = target instanceof HTMLElement && (table.element.contains(target)
      || target.closest("input, textarea, select, dialog"));
    if (isTaken || event.defaultPrevented) return;
    if (["j", "k", "x", "e", "Escape"].includes(event.key) && table.key(event)) {
      table.element.focus({ preventScroll: true });
    }
  }

  document.addEventListener("keydown", key, { signal: closing.signal });
  const ages = window.setInterval(() => table.showAges(), AGES_EVERY);
  const unsubscribe = store.subscribe((state, earlier) => {
    // What changed before the connection was there, or while it was lost, is not told: ask.
    if (state.connection === "live" && earlier.connection !== "live") settle();
    if (state.runs === earlier.runs) return;
    for (const [id, run] of state.runs) {
      const known = earlier.runs.get(id);
      if (known ? hasMoved(run, known) : list.placeOf(keyOfRun(id)) < 0) settle();
    }
    table.show();
  });

  table.choose(chosenColumns());
  box.show(at.query);
  if (left.address === format(at)) {
    list.total = left.total;
    window.requestAnimationFrame(() => window.scrollTo(0, left.scroll));
  }
  list.show(at);
  return { element, title: "Runs",
    update(next) {
      if (next.view !== "runs") return;
      if (next.query !== at.query) selection.clear();
      const isSame = format({ ...next, open: at.open }) === format(at);
      if (!isSame) window.scrollTo(0, 0);
      at = next;
      box.show(at.query);
      list.show(at, isSame ? table.sight : undefined);
    },
    close: () => {
      left = { address: format(at), total: list.total, scroll: window.scrollY };
      window.clearInterval(ages);
      window.clearTimeout(settling);
      unsubscribe();
      table.close();
      box.close();
      closing.abort();
    } };
}

/**
 * Whether a change may have moved a run to another place, or out of the list.
 * @param {Run} run
 * @param {Run} known What it was
 */
const hasMoved = (run, known) => run.status !== known.status || run.archived !== known.archived
  || run.deleted_at !== known.deleted_at;
