/** Nothing has been run yet: the first run, one click away. */

/** @import { CatalogEntry } from "../types" */

import { createRun } from "../asking/changes.js";
import { getCatalog } from "../asking/lists.js";
import { h, setText } from "../dom.js";
import { format, go, ofRun } from "../location.js";
import { learnRuns, store } from "../state.js";
import { followSystem, withDataset, workerNotice } from "../system.js";

/** How long a click waits for a worker to say which datasets it has. */
const PATIENCE = 6000;

/**
 * @param {HTMLElement} element
 * @param {AbortSignal} closing
 */
export async function offerFirst(element, closing) {
  const following = followSystem(closing);
  const entry = (await getCatalog()).find(({ experiment }) => experiment !== null);
  const first = entry?.experiment;
  if (!entry || !first || closing.aborted) return;
  const notices = h("div", {});
  const problem = h("p", { class: "problem", role: "alert" });
  const start = h("button", { type: "button", class: "primary changes", onclick: async () => {
    start.disabled = true;
    setText(start, "Starting …");
    await Promise.race([following, new Promise((resolve) => setTimeout(resolve, PATIENCE))]);
    try {
      const { experiment } = withDataset(first, store.get().system);
      const run = await createRun(experiment, entry.name);
      learnRuns([run]);
      go(ofRun(run.id));
    } catch (error) {
      setText(problem, /** @type {Error} */ (error).message);
      setText(start, "Start the first run");
      start.disabled = false;
    }
  } }, "Start the first run");
  element.replaceChildren(...words(entry, start), notices, problem);
  const unsubscribe = store.subscribe(({ system }) => {
    const { why } = withDataset(first, system);
    const instead = why && h("p", { class: "notice" }, `${why} The first run uses digits instead.`);
    notices.replaceChildren(instead ?? "", workerNotice(system) ?? "");
  });
  closing.addEventListener("abort", unsubscribe);
}

/**
 * @param {CatalogEntry} entry
 * @param {HTMLElement} start
 */
function words({ name, title, claim, source }, start) {
  const address = format({ view: "new", entry: name, again: null });
  return [
    h("p", { class: "lead" },
      "Nothing has been run yet. Begin with the experiment that started it:"),
    h("h2", {}, title), h("p", { class: "claim" }, claim), h("p", { class: "source" }, source),
    h("p", { class: "actions" }, start, h("a", { href: address }, "See every setting first")),
  ];
}
