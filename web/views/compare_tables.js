/** The tables of a comparison: what lines come to, and in which settings runs differ. */

/** @import { ComparePlace, Compared, Field, Json, Line, OverSeeds, Setting } from "../types" */

import { inFull, looksOf } from "../charts/compare_lines.js";
import { h, swatch } from "../dom.js";
import { percent, real, whole } from "../format.js";
import { toText } from "../schema.js";
import { table } from "./tables.js";

/**
 * Each line: its look, which the charts share, and what it came to. A box chooses it.
 * @param {Compared} compared
 * @param {ComparePlace} place
 * @param {(changes: Partial<ComparePlace>) => void} choose
 */
export function outcomesTable({ lines, target }, place, choose) {
  const looks = looksOf(lines, place.layout === "grid");
  const full = inFull(lines.length, place.lines);
  const names = ["", "Line", "Networks", `Steps to ${Number((100 * target).toFixed(2))} %`,
    "Best accuracy", "Last accuracy", "Not finite from step", "Also differs in"];
  return table(names, lines.map((line, at) => {
    const { arm, dash } = looks[at];
    const box = h("input", { type: "checkbox", checked: place.lines.includes(at),
      "aria-label": `Choose ${line.label}`, onchange: () => choose({ lines: box.checked
        ? [...place.lines, at].sort((a, b) => a - b) : place.lines.filter((one) => one !== at) }) });
    return h("tr", { class: full.has(at) ? null : "faint" },
      h("td", {}, box),
      h("th", { scope: "row" }, swatch(arm, dash),
        line.run === null ? line.label : h("a", { href: `/runs/${line.run}` }, line.label)),
      h("td", {}, networks(line)), h("td", {}, line.words),
      h("td", {}, ...accuracy(line.best_accuracy)), h("td", {}, ...accuracy(line.last_accuracy)),
      h("td", {}, line.first_nonfinite_step === null ? "–"
        : `${whole(line.first_nonfinite_step)} (${line.diverged} of ${line.members})`),
      h("td", { class: "hint" }, line.varying.join(", ") || "–"));
  }));
}

/** @param {Line} line */
const networks = ({ members, networks: evaluated, runs }) =>
  `${evaluated === members ? members : `${evaluated} of ${members}`}${
    runs.length > 1 ? ` (${runs.length} runs)` : ""}`;

/** @param {OverSeeds | null} found */
function accuracy(found) {
  if (found === null) return ["–"];
  const [low, high] = [real(found.low), real(found.high)];
  const interval = low !== null && high !== null && `(${percent(low)} to ${percent(high)})`;
  return [percent(Number(found.value)), interval && h("span", { class: "hint" }, interval)];
}

/**
 * The settings in which runs differ, a column for each run.
 * @param {Compared} compared
 * @param {Field[]} fields
 */
export function settingsTable({ runs, settings }, fields) {
  const names = ["Setting", ...runs.map(({ id }) => `#${id}`)];
  return table(names, settings.map((setting) => h("tr", {},
    h("th", { scope: "row" }, ...named(setting, fields)),
    ...setting.values.map((value, at) => h("td", {},
      setting.lacking.includes(at) ? "–" : shown(value) || "empty")))));
}

/**
 * @param {Setting} setting
 * @param {Field[]} fields
 */
function named({ path, arm }, fields) {
  const title = arm === null ? fieldOf(path, fields)?.title : fieldOf(`arms.${path}`, fields)?.title;
  if (title === undefined && arm === null) return [h("code", {}, path)];
  return [title ?? path, arm !== null && ` of ${arm}`,
    h("code", {}, arm === null ? path : `arms.${path}`)];
}

/**
 * What the schema says of a setting; those of arms are in a table of their own.
 * @param {string} path
 * @param {Field[]} fields
 */
export function fieldOf(path, fields) {
  const arms = fields.find((field) => field.path === "arms");
  return fields.find((field) => field.path === path)
    ?? arms?.items.find((field) => `arms.${field.path}` === path);
}

/** @param {Json} value */
function shown(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : toText(value);
}
