/** The cells of a run's row, and which of them are columns of the list. */

/** @import { Run, RunCell, SettingValues } from "../types" */

import { getFindingCounts, getSettings, getSparklines } from "../asking/lists.js";
import { Beside } from "../beside.js";
import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { age, duration, exact, number, percent, real, speed, whole } from "../format.js";
import { format, ofQuery } from "../location.js";
import { valueWords } from "../swept.js";
import { sparkline } from "./sparkline.js";
import { isActive, progressBar, statusWord } from "./status.js";

/** So many arms are listed; of more the first ones, and how many there are. */
const LISTED = 3;
/** Begins the name of a column that is a setting. */
export const SETTING = "setting:";

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} title
 * @property {string} [about] What it is, where the title does not say it
 * @property {string | null} sort The key that it sorts by
 * @property {boolean} falls Whether the first click sorts downwards
 * @property {number} share Of the width
 * @property {boolean} usual Whether it is there unless it is chosen away
 * @property {() => RunCell} make
 * @property {Beside<any>} [beside] What its cells show that a run's row does not have
 */

const curves = new Beside(getSparklines, ({ step }) => String(step));
const findings = new Beside(getFindingCounts, ({ step, status, diagnosed }) =>
  `${step} ${status} ${diagnosed}`);

/**
 * A cell that is nothing but text.
 * @param {(run: Run) => string | null} words
 * @param {string} [kind]
 * @returns {() => RunCell}
 */
const text = (words, kind = "") => () => {
  const element = h("span", { class: kind });
  return { element, show(run) {
    const said = words(run) ?? "";
    setText(element, said);
    element.title = said;
  } };
};

/** @param {Run} run */
function datasetWords({ source, dataset, seeds }) {
  const what = source === "watch" ? "watched" : source === "import" ? "imported"
    : source === "study" ? `study${dataset === null ? "" : ` · ${dataset}`}` : dataset;
  return seeds.length > 1 ? `${what} · ${seeds.length} seeds` : what;
}

/** @param {Run} run Seconds since its start, or from its start to its end */
function durationWords({ duration: lasted, started_at: started, ended_at: ended }) {
  const known = real(lasted);
  if (known !== null) return duration(known);
  return started === null || ended !== null ? "" : duration((Date.now() - Date.parse(started)) / 1000);
}

/** @returns {RunCell} */
function statusCell() {
  const word = h("span", { class: "status" });
  const progress = progressBar();
  const element = h("span", {}, word, progress.element, progress.words);
  return { element, show(run) {
    statusWord(word, run);
    progress.show(run);
    element.classList.toggle("ended", !isActive(run));
  } };
}

/** @returns {RunCell} */
function armsCell() {
  const element = h("span", { class: "arms" });
  let shown = "";
  return { element, show({ arms: all, summary }) {
    const said = JSON.stringify([all, summary]);
    if (said === shown) return;
    shown = said;
    const arms = all.length > LISTED ? all.slice(0, LISTED - 1) : all;
    element.replaceChildren(...arms.map((arm, at) => {
      const found = summary[arm];
      return h("span", { class: "arm" }, swatch(at, armDash(at)),
        h("span", { class: "name", title: arm }, arm),
        h("span", { class: "number" }, found ? percent(Number(found.last_accuracy)) : "–"),
        h("span", { class: "best" }, found ? `(${percent(Number(found.best_accuracy))})` : ""));
    }), arms.length < all.length
      ? h("span", { class: "more", title: all.slice(LISTED - 1).join(", ") },
        `and ${all.length - arms.length} more arms`) : "");
  } };
}

/** @returns {RunCell} */
function curveCell() {
  const element = h("span", {});
  let drawn = "";
  return { element, show(run) {
    const lines = curves.of(run.id);
    const said = JSON.stringify(lines);
    if (!lines.length || said === drawn) return;
    drawn = said;
    element.replaceChildren(sparkline(run, lines));
  } };
}

/** @returns {RunCell} */
function findingsCell() {
  const count = h("span", { class: "number" });
  const worst = h("span", { class: "words" });
  const element = h("span", {}, count, worst);
  return { element, show({ id }) {
    const [found] = findings.of(id);
    setText(count, found ? whole(found.findings) : "");
    setText(worst, found?.severity ?? "");
    worst.classList.toggle("bad", found?.severity === "critical");
    element.title = found?.severity ? `The worst is ${found.severity}` : "";
  } };
}

/** @returns {RunCell} */
function tagsCell() {
  const element = h("span", { class: "tags" });
  let shown = "";
  return { element, show({ tags }) {
    const said = JSON.stringify(tags);
    if (said === shown) return;
    shown = said;
    element.replaceChildren(...tags.map((tag) => h("a", { class: "tag", title: `Runs with ${tag}`,
      href: format(ofQuery(`tag:${tag}`)) }, tag)));
  } };
}

/** @returns {{ element: HTMLElement, show: (what: { created_at: string }) => void }} */
export function ageCell() {
  const element = h("time", {});
  return { element, show({ created_at: created }) {
    element.dateTime = created;
    element.title = exact(created);
    setText(element, age(created));
  } };
}

/** @type {Column[]} */
export const COLUMNS = [
  { name: "status", title: "status", sort: "status", falls: false, share: 11.5, usual: true,
    make: statusCell },
  { name: "dataset", title: "dataset", sort: "dataset", falls: false, share: 10.5, usual: true,
    make: text(datasetWords) },
  { name: "network", title: "network", sort: "network", falls: false, share: 6.5, usual: true,
    make: text((run) => run.network) },
  { name: "arms", title: "test accuracy, last (best)",
    about: "Sorts by the best of the arm where it is highest", sort: "best", falls: true, share: 24.5,
    usual: true, make: armsCell },
  { name: "curve", title: "test accuracy", sort: null, falls: false, share: 8.5, usual: true,
    make: curveCell, beside: curves },
  { name: "ratio", title: "ratio",
    about: "Steps to the target: reference ÷ the arm that was soonest", sort: "ratio", falls: true, share: 6, usual: true,
    make: text(({ ratio }) => ratio === null ? "" : `${number(Number(ratio))} ×`, "number") },
  { name: "findings", title: "findings",
    about: "What the rules found, and the severity of the worst", sort: "findings", falls: true,
    share: 5.5, usual: true, make: findingsCell, beside: findings },
  { name: "lr", title: "learning rate", sort: "lr", falls: true, share: 7, usual: false,
    make: text(({ lr }) => lr === null ? "" : number(Number(lr)), "number") },
  { name: "age", title: "age", sort: "created", falls: true, share: 7, usual: true, make: ageCell },
  { name: "duration", title: "duration", sort: "duration", falls: true, share: 8, usual: true,
    make: text(durationWords, "number") },
  { name: "speed", title: "speed", sort: "speed", falls: true, share: 9, usual: false,
    make: text((run) => {
      const rate = real(run.steps_per_second);
      return rate === null ? "" : speed(rate);
    }, "number") },
  { name: "device", title: "device", sort: "device", falls: false, share: 6, usual: false,
    make: text((run) => run.device) },
  { name: "tags", title: "tags", sort: "tag", falls: false, share: 6, usual: true,
    make: tagsCell },
  { name: "note", title: "note", sort: "note", falls: false, share: 14, usual: false,
    make: text((run) => run.note) },
];

/** Columns of settings; what they show is asked for together. */
const shown = new Set();
/** @type {Beside<SettingValues>} */
const settings = new Beside((runs) => getSettings(runs, [...shown]), () => "");

/**
 * A column of a setting.
 * @param {string} path As searches know it
 * @returns {Column}
 */
export function settingColumn(path) {
  if (!shown.has(path)) settings.forget();
  shown.add(path);
  return { name: `${SETTING}${path}`, title: path.split(".").pop() ?? path, about: `The setting ${path}`,
    sort: path, falls: true, share: 8, usual: false, beside: settings,
    make: text(({ id }) => {
      const value = settings.of(id)[0]?.values[path] ?? null;
      return value === null ? "" : valueWords(value);
    }, "number") };
}
