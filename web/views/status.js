/** The words and the bar that say how far a run is; the same in the list and on its page. */

/** @import { Run, Status } from "../types" */

import { h, setText } from "../dom.js";
import { whole } from "../format.js";

/** @param {Run} run */
export const isActive = ({ status }) =>
  status === "queued" || status === "running" || status === "stopping";

/** In the order in which they are counted. @type {Status[]} */
const STATUSES = ["finished", "running", "stopping", "queued", "stopped", "failed"];

/**
 * How many runs there are of each status: "5 finished, 1 running, 15 queued".
 * @param {Partial<Record<Status, number>>} counts
 */
export const countWords = (counts) => STATUSES.flatMap((status) =>
  counts[status] ? [`${counts[status]} ${status}`] : []).join(", ");

/** @param {Run[]} runs */
export const statusCounts = (runs) => countWords(Object.fromEntries(STATUSES.map((status) =>
  [status, runs.filter((run) => run.status === status).length])));

/** @param {Run} run Whether it can go on where it was. */
export const isResumable = ({ status, source, deleted_at: deleted }) =>
  source === "experiment" && !deleted && (status === "stopped" || status === "failed");

/**
 * @param {HTMLElement} element
 * @param {Run} run
 */
export function statusWord(element, { status }) {
  element.dataset.status = status;
  setText(element, status);
}

/** A thin bar, and beside it the steps in words. */
export function progressBar() {
  const bar = h("span", { class: "bar" });
  const words = h("span", { class: "words" });
  const element = h("span", { class: "progress", role: "progressbar", "aria-valuemin": 0 }, bar);
  return {
    element,
    words,
    /** @param {Run} run */
    show(run) {
      const { step, steps } = run;
      const unit = run.source === "study" || run.source === "import" ? "measurement" : "step";
      element.hidden = steps === null; // how far a loop of unknown length is, nobody knows
      bar.style.transform = `scaleX(${Math.min(1, step / (steps ?? 1))})`;
      const isWhole = steps === null || step >= steps;
      setText(words, isWhole ? `${whole(step)} ${unit}${step === 1 ? "" : "s"}`
        : `${whole(step)} of ${whole(steps)} steps`);
      element.setAttribute("aria-valuemax", String(steps ?? step));
      element.setAttribute("aria-valuenow", String(step));
      element.setAttribute("aria-label", `${words.textContent}, ${run.status}`);
      element.classList.toggle("active", isActive(run));
    },
  };
}
