/** The head of a run's page: what it is, how far it is, and what can be done with it. */

/** @import { Run, RunDetail } from "../types" */

import { resumeRun, stopRun } from "../asking/changes.js";
import { capOf, costWords, measuredWords, waitedWords } from "../cost.js";
import { h, setText } from "../dom.js";
import { age, duration, exact, real, speed, whole } from "../format.js";
import { format } from "../location.js";
import { learnRuns, store } from "../state.js";
import { workerNotice } from "../system.js";
import { sweepChip } from "./chip.js";
import { originWords } from "./imported.js";
import { compareMenu, exportMenu, shareMenu } from "./menus.js";
import { isActive, isResumable, progressBar, statusWord } from "./status.js";
import { loopWords } from "./watched.js";

/** So many milliseconds after the loop last waited, that it does is still news. */
const WAITING = 5000;

/**
 * @param {RunDetail} detail
 * @param {() => string} [address] Of what is in sight
 */
export function runHeader(detail, address = () => window.location.href) {
  const status = h("span", { class: "status" });
  const stop = h("button", { type: "button", class: "changes" }, "Stop");
  const resume = h("button", { type: "button", class: "changes" }, "Resume");
  const problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  const progress = progressBar();
  const facts = h("span");
  const cost = h("span");
  const measured = h("span", { class: "measured" });
  const waited = h("span", { class: "waited" });
  const cap = capOf(detail);
  const { watched } = detail;
  let waitedBefore = real(detail.waited) ?? 0;
  let waitedAt = -Infinity;
  const notices = h("div", { class: "notices" });
  /**
   * @param {HTMLButtonElement} button
   * @param {(run: number) => Promise<Run>} ask
   */
  const asks = (button, ask) => button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      learnRuns([await ask(detail.id)]);
      problem.hidden = true;
    } catch (error) {
      setText(problem, /** @type {Error} */ (error).message);
      problem.hidden = false;
      button.disabled = false;
    }
  });
  asks(stop, stopRun);
  asks(resume, resumeRun);
  const element = h("header", { class: "run-header" },
    h("div", { class: "title-line" },
      h("h1", {}, h("span", { class: "id" }, `#${detail.id}`), ` ${detail.name}`), status,
      detail.sweep_id !== null && sweepChip(detail.sweep_id),
      h("div", { class: "actions" }, ...(watched || detail.imported ? [] : [stop, resume,
        h("a", { class: "button changes",
          href: format({ view: "new", entry: null, again: detail.id }) }, "Run again")]),
      detail.deleted_at === null && compareMenu(detail), exportMenu(detail), shareMenu(detail, address))),
    progress.element, h("p", { class: "facts" }, progress.words, facts),
    h("p", { class: "facts cost" }, cost, measured, waited), problem, notices);

  /** @param {Run} run */
  function show(run) {
    statusWord(status, run);
    progress.show(run);
    stop.hidden = !isActive(run);
    stop.disabled = run.status === "stopping";
    setText(stop, run.status === "stopping" ? "Stopping…" : "Stop");
    resume.hidden = !isResumable(run);
    resume.disabled = false;
    resume.title = run.checkpoint_step === null ? "There is no checkpoint: it begins anew"
      : `It goes on from step ${whole(run.checkpoint_step)}`;
    showFacts(facts, run, watched ? loopWords(watched, isActive(run))
      : detail.imported ? originWords(detail.imported) : run.dataset);
    setText(cost, costWords(run, cap));
    setText(measured, measuredWords(run));
    setText(waited, waitedWords(run));
    const now = performance.now();
    if ((real(run.waited) ?? 0) > waitedBefore) waitedAt = now;
    waitedBefore = real(run.waited) ?? 0;
    waited.classList.toggle("now", isActive(run) && now - waitedAt < WAITING);
    const all = noticesOf(run);
    if (watched?.not_recorded?.length) {
      all.push(["", "Not everything could be recorded: Settings says what, and why."]);
    }
    if (notices.textContent !== all.map(([, text]) => text).join("")) {
      notices.replaceChildren(...all.map(([kind, text]) =>
        h("p", { class: `notice ${kind}` }, text)));
    }
  }

  show(detail);
  return { element, show };
}

/**
 * @param {HTMLElement} element
 * @param {Run} run
 * @param {string | null} what What it trains on, or where
 */
function showFacts(element, run, what) {
  const rate = real(run.steps_per_second);
  const left = rate && run.steps !== null ? (run.steps - run.step) / rate : NaN;
  const facts = [
    rate !== null && speed(rate),
    run.status === "running" && run.step > 0 && Number.isFinite(left) && `${duration(left)} left`,
    run.ended_at && run.started_at &&
      `took ${duration((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000)}`,
    run.device,
    what,
    run.phase,
  ].filter((fact) => fact);
  const made = `created ${age(run.created_at)}`;
  const text = ["", ...facts, made].join(" · ");
  if (element.textContent === text) return;
  element.replaceChildren(["", ...facts, ""].join(" · "),
    h("time", { datetime: run.created_at, title: exact(run.created_at) }, made));
}

/**
 * What a person should know before looking at charts.
 * @param {Run} run
 * @returns {[string, string][]}
 */
function noticesOf(run) {
  /** @type {[string, string][]} */
  const found = [];
  if (run.error) found.push(["bad", run.error]);
  if (run.deleted_at) {
    found.push(["", "This run is deleted. It can be restored in the list: search for deleted:yes."]);
  }
  if (run.status === "queued") {
    const alone = workerNotice(store.get().system) !== null;
    const goesOn = run.checkpoint_step === null ? ""
      : `, to go on from step ${whole(run.checkpoint_step)}`;
    found.push(["", `queued: waiting for a worker${goesOn}${alone
      ? ". None is alive; start one with shiftscope worker." : ""}`]);
  }
  return found;
}
