/** A watched run, whose loop is a person's own program: what is said of it, and its settings. */

/** @import { Skipped, Watched } from "../types" */

import { armDash } from "../charts/lines.js";
import { h, swatch } from "../dom.js";
import { percent, whole } from "../format.js";
import { toText } from "../schema.js";
import { section, table } from "./tables.js";

/** So many layers are named at once; more are folded away. */
const NAMED = 4;

/**
 * "watched: its loop runs in train.py on gpu-3".
 * @param {Watched} watched
 * @param {boolean} active
 */
export const loopWords = ({ program, host }, active) =>
  `watched: its loop ${active ? "runs" : "ran"} in ${program} on ${host}`;

/**
 * @param {number} run
 * @param {Watched} watched
 */
export const notAgain = (run, { program, host }) =>
  `Run #${run} was watched, not started here, so it can't be run again here: its loop belongs to ` +
  `${program} on ${host}. Start it there again.`;

/**
 * What is watched, what is not, and why.
 * @param {Watched} watched
 * @returns {HTMLElement[]}
 */
export function watchedSections(watched) {
  const missing = watched.not_recorded ?? [];
  const skipped = watched.skipped ?? [];
  const settings = Object.entries(watched.settings ?? {});
  const { silenced = [], thresholds = [] } = watched.diagnosis ?? {};
  return [h("div", {},
    section("Watched", modelsTable(watched)),
    section("Program", table([], [
      ["Program", watched.program], ["Host", watched.host], ["Process", String(watched.pid)],
      ["Overhead cap", watched.overhead_cap === null ? "none: every step is looked at"
        : `${percent(watched.overhead_cap)} of the training time`],
      ...(silenced.length ? [["Silenced rules", silenced.join(", ")]] : []),
      ...(thresholds.length ? [["Thresholds of rules", thresholds.join(", ")]] : []),
      ...settings.map(([name, value]) => [name, toText(value)]),
    ].map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))))),
    missing.length > 0 && section("Not recorded",
      h("ul", { class: "sentences" }, ...missing.map((sentence) => h("li", {}, sentence)))),
    skipped.length > 0 && section("Not looked at", skippedTable(skipped, watched.arms?.length > 1)),
  )];
}

/** @param {Watched} watched */
function modelsTable({ arms, models, optimizers, attached }) {
  const names = ["Line", "Arm", "Model", "Layers", "Optimizer"];
  return table(names, (arms ?? []).map((arm, at) => h("tr", {},
    h("td", {}, swatch(at, armDash(at))), h("td", {}, arm), h("td", {}, models?.[arm] ?? "–"),
    h("td", {}, whole(attached?.[arm] ?? 0)),
    h("td", {}, ...(optimizers?.[arm] ?? ["–"]).map((one) => h("div", {}, one))))));
}

/**
 * Layers that are not looked at, those of one reason together.
 * @param {Skipped[]} skipped
 * @param {boolean} several Whether there are several arms
 */
function skippedTable(skipped, several) {
  const alike = Map.groupBy(skipped, ({ arm, reason }) => `${several ? arm : ""}\n${reason}`);
  return table([...(several ? ["Arm"] : []), "Layers", "Why"], [...alike.values()].map((some) => {
    const [{ arm, reason }] = some;
    return h("tr", {}, several && h("td", {}, arm),
      h("td", {}, namesOf(some.map(({ name }) => name))), h("td", {}, reason));
  }));
}

/** @param {string[]} names */
function namesOf(names) {
  const list = h("ul", {}, ...names.map((name) => h("li", {}, h("code", {}, name))));
  if (names.length <= NAMED) return list;
  return h("details", {}, h("summary", {}, `${whole(names.length)} layers`), list);
}
