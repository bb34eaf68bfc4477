/** Desktop notifications, for who asked for them: while the page is out of sight. */

/** @import { Finding, Place, Run } from "./types" */

import { h, setText } from "./dom.js";
import { go, ofRun } from "./location.js";
import { recall, remember } from "./memory.js";
import { store } from "./state.js";

const CHOICE = "shiftscope.notify";

/** Whether they are wanted, and the browser allows them. */
export const isNotifying = () =>
  recall(CHOICE) === "on" && "Notification" in window && Notification.permission === "granted";

/** A button that asks for notifications, or does without them again. */
export function notifyButton() {
  const button = h("button", { type: "button", hidden: !("Notification" in window),
    title: "A notification of findings of the run that is open, and of the end of any run, while " +
      "this page is out of sight",
    onclick: async () => {
      if (isNotifying()) remember(CHOICE, "off");
      else if (await Notification.requestPermission() === "granted") remember(CHOICE, "on");
      else setText(refused, "The browser does not allow it: see its settings for this page.");
      show();
    } }, "Notify me");
  const refused = h("span", { class: "hint", role: "status" });
  const show = () => button.setAttribute("aria-pressed", String(isNotifying()));
  show();
  return h("span", { class: "notify" }, button, " ", refused);
}

/** Tell of every run that ends. */
export function startNotifying() {
  store.subscribe(({ runs }, { runs: before }) => {
    if (runs === before) return;
    for (const run of runs.values()) {
      const known = before.get(run.id);
      if (known && known.ended_at === null && run.ended_at !== null) {
        tell(run, `${run.status}${run.error ? `: ${run.error}` : ""}`, ofRun(run.id));
      }
    }
  });
}

/**
 * Tell of findings that are new.
 * @param {Run} run
 * @param {Finding[]} findings
 */
export function tellFindings(run, findings) {
  if (findings.length === 0) return;
  const [first] = findings;
  const more = findings.length > 1 ? ` and ${findings.length - 1} more` : "";
  tell(run, `${first.title}${first.arm === null ? "" : `, ${first.arm}`}${more}: ${first.sentence}`,
    { ...ofRun(run.id), tab: "findings" });
}

/**
 * @param {Run} run
 * @param {string} body
 * @param {Place} place
 */
function tell(run, body, place) {
  if (!isNotifying() || !document.hidden) return;
  const notification = new Notification(`#${run.id} ${run.name}`, { body, icon: "/icon.svg" });
  notification.onclick = () => {
    window.focus();
    go(place);
    notification.close();
  };
}
