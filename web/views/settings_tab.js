/** Settings: everything that is needed to repeat a run. */

/** @import { Experiment, Field, Imported, Json, Network, RunDetail } from "../types" */
/** @import { Change } from "../document.js" */

import { getCatalog, getSchema, getStudySchema } from "../asking/lists.js";
import { getRun } from "../asking/records.js";
import { armDash } from "../charts/lines.js";
import { copy } from "../copying.js";
import { changes, command, completed, equal, valueAt } from "../document.js";
import { h, setText, swatch } from "../dom.js";
import { whole } from "../format.js";
import { fields, toText } from "../schema.js";
import { importedSections } from "./imported.js";
import { factsTable, networksTable, section, table } from "./tables.js";
import { watchedSections } from "./watched.js";

/** Milliseconds that the button says what became of a click. */
const SAID = 1500;

/**
 * @param {RunDetail} run
 * @param {Network[]} networks
 */
export function settingsTab(run, networks) {
  const element = h("div", { class: "settings-tab" });
  const building = run.experiment ? build(element, run, run.experiment, networks)
    : run.study ? buildStudy(element, run, run.study)
      : run.imported ? buildImported(element, run, run.imported)
        : buildWatched(element, run, networks);
  building.catch((/** @type {Error} */ error) => {
    element.append(h("p", { class: "notice bad", role: "alert" }, error.message));
  });
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {RunDetail} run
 * @param {Experiment} stored
 * @param {Network[]} networks
 */
async function build(element, run, stored, networks) {
  const [schema, entries] = await Promise.all([getSchema(), getCatalog()]);
  const all = fields(schema);
  const experiment = completed(all, stored);
  const entry = entries.find(({ name }) => name === run.catalog_entry);
  const origin = entry?.experiment ?? undefined;
  if (entry && origin) {
    const words = command(entry.name, all, experiment, origin);
    element.append(h("div", { class: "repeat" }, section("Command", commandLine(words)),
      section("What differs from the catalog", changesTable(changes(all, experiment, origin)))));
  }
  element.append(
    section("Experiment", experimentTable(all, experiment, origin)),
    h("div", {}, section("Arms", armsTable(all, experiment)),
      section("Networks", networksTable(networks, experiment.twins === true)),
      section("Run", factsTable(run))));
}

/**
 * @param {HTMLElement} element
 * @param {RunDetail} run
 * @param {Experiment} stored
 */
async function buildStudy(element, run, stored) {
  const [schema, entries] = await Promise.all([getStudySchema(), getCatalog()]);
  const all = fields(schema);
  const study = completed(all, stored);
  const entry = entries.find(({ name }) => name === run.catalog_entry);
  const origin = entry?.study ?? undefined;
  if (entry && origin) {
    const words = command(entry.name, all, study, origin);
    element.append(h("div", { class: "repeat" }, section("Command", commandLine(words)),
      section("What differs from the catalog", changesTable(changes(all, study, origin)))));
  }
  element.append(section("Study", experimentTable(all, study, origin)),
    section("Run", factsTable(run)));
}

/**
 * @param {HTMLElement} element
 * @param {RunDetail} run
 * @param {Network[]} networks
 */
async function buildWatched(element, run, networks) {
  const { watched } = await getRun(run.id); // what could not be recorded shows with time
  if (watched) element.append(...watchedSections(watched));
  element.append(
    h("div", {}, section("Networks", networksTable(networks)), section("Run", factsTable(run))));
}

/**
 * @param {HTMLElement} element
 * @param {RunDetail} run
 * @param {Imported} imported
 */
async function buildImported(element, run, imported) {
  element.append(...importedSections(imported), section("Run", factsTable(run)));
}

/**
 * What a person can copy; where the browser does not let the page, it is selected for them.
 * @param {string} text
 */
function commandLine(text) {
  const code = h("code", { tabindex: 0 }, text);
  const button = h("button", { type: "button", onclick: async () => {
    const isCopied = await copy(text);
    if (!isCopied) window.getSelection()?.selectAllChildren(code);
    setText(button, isCopied ? "Copied" : "Selected, not copied");
    window.setTimeout(() => setText(button, "Copy"), SAID);
  } }, "Copy");
  return h("div", { class: "command" }, code, button);
}

/** @param {Change[]} all */
function changesTable(all) {
  if (all.length === 0) return h("p", { class: "hint" }, "Nothing: every setting is the catalog’s.");
  return table(["Setting", "This run", "Catalog"], all.map(({ field, title, path, value, before }) => {
    const [now, then] = [value, before].map((one) => withUnit(field, one));
    return h("tr", { class: "differs" }, h("th", { scope: "row" }, title, h("code", {}, ...breakable(path))),
      h("td", {}, h("span", {}, now)), h("td", {}, then));
  }));
}

/**
 * @param {Field} field
 * @param {Json | undefined} value
 */
function withUnit({ unit, empty, kind }, value) {
  const text = shown(value);
  return text === "" ? empty || "–" : unit && kind !== "table" ? `${text}${after(text, unit)}` : text;
}

/** A path may be broken after each dot and underscore. @param {string} path */
const breakable = (path) => path.split(/(?<=[._])/).flatMap((part) => [part, h("wbr")]);

/** What follows a number: " blocks", or " block" after 1. @param {string} text @param {string} unit */
const after = (text, unit) => ` ${text === "1" ? unit.replace(/s$/, "") : unit}`;

/**
 * @param {Field[]} all
 * @param {Experiment} experiment
 * @param {Experiment | undefined} origin What the catalog has, where the run comes from it
 */
function experimentTable(all, experiment, origin) {
  const settings = all.filter(({ kind }) => kind !== "table");
  return table(["Setting", "Value"], settings.map(({ path, title, unit, empty }) => {
    const value = valueAt(experiment, path);
    const before = valueAt(origin, path);
    const differs = origin !== undefined && !equal(value, before);
    return h("tr", { class: differs ? "differs" : null },
      h("th", { scope: "row" }, title, h("code", {}, ...breakable(path))),
      h("td", {}, h("span", {}, shown(value) || empty), shown(value) && unit && after(shown(value), unit),
        differs && h("span", { class: "hint" }, ` catalog: ${shown(before) || empty}`)));
  }));
}

/**
 * What every arm leaves empty is told with the experiment's settings; what one leaves empty is the
 * experiment's setting of the same name.
 * @param {Field[]} all
 * @param {Experiment} experiment
 */
function armsTable(all, experiment) {
  const arms = /** @type {Record<string, Json>[]} */ (experiment.arms);
  const items = (all.find(({ path }) => path === "arms")?.items ?? [])
    .filter(({ path, nullable }) => !nullable || arms.some((arm) => (arm[path] ?? null) !== null));
  /** @param {string} name */
  const ofAll = (name) => valueAt(experiment,
    all.find(({ path }) => path.split(".").pop() === name)?.path ?? name);
  return table(["Line", ...items.map(({ title }) => title)], arms.map((arm, at) =>
    h("tr", {}, h("td", {}, swatch(at, armDash(at))),
      ...items.map(({ path }) => h("td", {}, shown(arm[path] ?? ofAll(path)))))));
}

/** @param {Json | undefined} value */
function shown(value) {
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : toText(value);
}
