/** What can be done with the runs that are selected, and what came of it. */

/** @import { BulkAction } from "../types" */
/** @import { RunList } from "../run_list.js" */
/** @import { Selection } from "../selection.js" */

import { actOnRuns } from "../asking/changes.js";
import { zipOfRunsUrl } from "../asking/files.js";
import { ServerError } from "../asking/request.js";
import { formatCompare, MOST_COMPARED, NOTHING_COMPARED } from "../comparing.js";
import { confirmed } from "../confirming.js";
import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { store } from "../state.js";

/** @type {Record<BulkAction, string>} */
const DONE = { stop: "Asked to stop", resume: "Resumed", again: "Queued again", archive: "Archived",
  unarchive: "Taken out of the archive", delete: "Deleted", restore: "Restored", tag: "Tagged",
  untag: "Taken the tag from", rename: "Renamed", note: "Noted on" };
/** @type {Partial<Record<BulkAction, BulkAction>>} What undoes an action. */
const UNDONE_BY = { delete: "restore", archive: "unarchive", restore: "delete",
  unarchive: "archive" };
const DELETED = "Undo brings back what was deleted; so does Restore, after searching for deleted:yes. "
  + "Only the command shiftscope purge removes it for good, with records and checkpoints.";
/** So many refusals are told; of more, how many there are. */
const TOLD = 3;
/** Runs that one zip takes. */
const MOST_EXPORTED = 1000;

/**
 * @param {Selection} selection
 * @param {RunList} list
 * @param {() => void} onDone
 */
export function bulkBar(selection, list, onDone) {
  const count = h("span", { class: "count", role: "status" });
  const words = h("input", { type: "text", class: "words", placeholder: "tag, note or name",
    "aria-label": "Tag, note or name", maxlength: 1000, autocomplete: "off" });
  const said = h("span", {});
  const undo = h("button", { type: "button" }, "Undo");
  const notice = h("div", { class: "bulk-notice", role: "status", hidden: true }, said, undo,
    h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => {
      notice.hidden = true;
    } }, "Dismiss"));

  /**
   * @param {BulkAction} action
   * @param {number[]} runs
   * @param {string | null} word
   */
  const act = async (action, runs, word = null) => {
    try {
      const { runs: done, refused } = await actOnRuns(action, runs, word);
      tell(action, done, refused.map(({ detail }) => detail), word);
      if (action === "delete" || action === "archive") selection.clear();
      onDone();
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
      setText(said, error.message);
      undo.hidden = true;
      notice.hidden = false;
    }
  };
  /**
   * @param {BulkAction} action
   * @param {number[]} done
   * @param {string[]} refused
   * @param {string | null} word
   */
  const tell = (action, done, refused, word) => {
    const left = refused.length > TOLD
      ? [...refused.slice(0, TOLD), `And ${refused.length - TOLD} more.`] : refused;
    setText(said, [done.length ? `${DONE[action]} ${counted(done.length)}.` : "", ...left].join(" "));
    const reverse = UNDONE_BY[action];
    undo.hidden = reverse === undefined || done.length === 0;
    undo.onclick = () => {
      notice.hidden = true;
      if (reverse) act(reverse, done, word);
    };
    notice.hidden = false;
  };
  /**
   * @param {string} text
   * @param {BulkAction} action
   */
  const button = (text, action) => h("button", { type: "button", class: "changes",
    onclick: () => act(action, selection.runs) }, text);
  const compare = h("a", { class: "button" }, "Compare");
  const files = h("a", { class: "button", download: true,
    title: "Every record of these runs, with settings and verdicts, as one zip" }, "Export");
  const [archive, unarchive] = [button("Archive", "archive"), button("Unarchive", "unarchive")];
  const restore = button("Restore", "restore");
  const remove = h("button", { type: "button", class: "changes", onclick: async () => {
    const runs = selection.runs;
    if (await confirmed(`Delete ${counted(runs.length)}?`, DELETED, "Delete")) act("delete", runs);
  } }, "Delete");
  remove.setAttribute("aria-keyshortcuts", "Delete");
  const all = h("button", { type: "button", class: "quiet", onclick: async () =>
    selection.add(await list.between(0, (list.total ?? 0) - 1)) });
  /** @param {BulkAction} action */
  const label = async (action) => {
    const text = words.value.trim();
    if (text === "" && action !== "note") return words.focus();
    const runs = selection.runs;
    const asked = questionOf(action, text, runs.length);
    if (asked === null || await confirmed(...asked)) act(action, runs, text);
  };
  /** @param {string} text @param {BulkAction} action @param {string} [title] */
  const labels = (text, action, title = "") => h("button", { type: "button", title,
    onclick: () => label(action) }, text);
  const element = h("div", { class: "bulk", role: "toolbar", "aria-label": "Selected runs",
    hidden: true }, count, compare, files, button("Stop", "stop"), button("Resume", "resume"),
  button("Run again", "again"), archive,
  unarchive, remove, restore,
  h("form", { class: "tagging changes", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    label("tag");
  } }, words, h("button", { type: "submit" }, "Tag"), labels("Untag", "untag"),
  labels("Note", "note", "In place of the notes they have; without words it takes these away"),
  labels("Rename", "rename")),
  all, h("button", { type: "button", class: "quiet", onclick: () => selection.clear() }, "Clear"));
  return {
    element,
    notice,
    show() {
      element.hidden = selection.size === 0;
      setText(count, `${counted(selection.size)} selected`);
      setText(all, `Select all ${whole(list.matched)}`);
      all.hidden = selection.size >= list.matched;
      // Of runs that were not loaded, as those of a folded sweep, the query says what they may be.
      const known = selection.runs.map((run) => store.get().runs.get(run));
      const [archived, deleted] = ["archived", "deleted"].map((key) =>
        new RegExp(`\\b${key}[:=]`, "i").test(list.query));
      const isArchived = known.map((run) => run ? run.archived : archived);
      const isDeleted = known.map((run) => run ? run.deleted_at !== null : deleted);
      const isSure = known.every((run) => run);
      compare.hidden = isDeleted.every(Boolean) || selection.size > MOST_COMPARED;
      const runs = selection.runs.slice(0, MOST_COMPARED).sort((a, b) => a - b);
      compare.href = formatCompare({ ...NOTHING_COMPARED, runs });
      files.hidden = selection.size > MOST_EXPORTED;
      files.href = zipOfRunsUrl(selection.runs.sort((a, b) => a - b));
      archive.hidden = isSure && isArchived.every(Boolean);
      unarchive.hidden = !isArchived.some(Boolean);
      remove.hidden = isSure && isDeleted.every(Boolean);
      restore.hidden = !isDeleted.some(Boolean);
    },
  };
}

/**
 * What is asked before words of several runs are lost, or all words of one; null: nothing is.
 * @param {BulkAction} action
 * @param {string} text
 * @param {number} runs
 * @returns {[question: string, detail: string, action: string] | null}
 */
export function questionOf(action, text, runs) {
  if (action === "note" && text === "") {
    return [`Take the note${runs === 1 ? "" : "s"} of ${counted(runs)} away?`,
      "The box is empty. Nothing brings notes back.", "Take away"];
  }
  if (action === "rename" && runs > 1) {
    return [`Rename ${counted(runs)}?`,
      `All of them will be named “${text}”. Nothing brings their names back.`, "Rename"];
  }
  return null;
}

/** @param {number} runs */
const counted = (runs) => `${whole(runs)} run${runs === 1 ? "" : "s"}`;
