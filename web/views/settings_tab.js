/** Settings: everything that is needed to repeat a run. */

/** @import { Experiment, Field, Json, Network, RunDetail } from "../types" */

import * as api from "../api.js";
import { armDash } from "../charts/lines.js";
import { command, equal, valueAt } from "../document.js";
import { h, swatch } from "../dom.js";
import { exact, versionWords, whole } from "../format.js";
import { fields, toText } from "../schema.js";

/**
 * @param {RunDetail} run
 * @param {Network[]} networks
 */
export function settingsTab(run, networks) {
  const element = h("div", { class: "settings-tab" });
  build(element, run, networks).catch((/** @type {Error} */ error) => {
    element.append(h("p", { class: "notice bad", role: "alert" }, error.message));
  });
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {RunDetail} run
 * @param {Network[]} networks
 */
async function build(element, run, networks) {
  const [schema, entries] = await Promise.all([api.getSchema(), api.getCatalog()]);
  const all = fields(schema);
  const entry = entries.find(({ name }) => name === run.catalog_entry);
  if (entry) {
    const words = command(entry.name, all, run.experiment, entry.experiment);
    element.append(section("Command", commandLine(words)));
  }
  element.append(
    section("Experiment", experimentTable(all, run.experiment, entry?.experiment)),
    h("div", {}, section("Arms", armsTable(run.experiment)),
      section("Networks", networksTable(networks)),
      section("Run", factsTable(run))));
}

/**
 * @param {string} title
 * @param {HTMLElement} content
 */
function section(title, content) {
  return h("section", {}, h("h2", {}, title), content);
}

/**
 * @param {string[]} names None: no head
 * @param {HTMLTableRowElement[]} rows
 */
function table(names, rows) {
  const head = h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
  return h("table", {}, names.length > 0 && head, h("tbody", {}, ...rows));
}

/** @param {string} text */
function commandLine(text) {
  const copy = h("button", { type: "button", onclick: async () => {
    await navigator.clipboard.writeText(text);
    copy.textContent = "Copied";
    window.setTimeout(() => { copy.textContent = "Copy"; }, 1500);
  } }, "Copy");
  return h("div", { class: "command" }, h("code", {}, text), copy);
}

/**
 * @param {Field[]} all
 * @param {Experiment} experiment
 * @param {Experiment | undefined} origin What the catalog has, where the run comes from it
 */
function experimentTable(all, experiment, origin) {
  const settings = all.filter(({ kind }) => kind !== "table");
  return table(["Setting", "Value"], settings.map(({ path, title, unit }) => {
    const value = valueAt(experiment, path);
    const before = valueAt(origin, path);
    const differs = origin !== undefined && !equal(value, before);
    return h("tr", { class: differs ? "differs" : null },
      h("th", { scope: "row" }, title, h("code", {}, path)),
      h("td", {}, h("span", {}, shown(value)), unit && ` ${unit}`,
        differs && h("span", { class: "hint" }, ` catalog: ${shown(before)}`)));
  }));
}

/** @param {Experiment} experiment */
function armsTable(experiment) {
  const arms = /** @type {Record<string, Json>[]} */ (experiment.arms);
  const rate = valueAt(experiment, "optimizer.lr");
  const names = ["Line", "Name", "Normalization", "Learning rate"];
  return table(names, arms.map(({ name, norm, lr }, at) =>
    h("tr", {}, h("td", {}, swatch(at, armDash(at))), h("td", {}, toText(name)),
      h("td", {}, toText(norm)), h("td", {}, toText(lr ?? rate)))));
}

/** @param {Network[]} networks */
function networksTable(networks) {
  if (networks.length === 0) {
    return h("p", { class: "hint" }, "They are made when training begins.");
  }
  const names = ["Arm", "Seed", "Parameters", "SHA-256 of the first weights"];
  return h("div", {}, h("p", { class: "hint" }, twinWords(networks)),
    table(names, networks.map(({ arm, seed, parameters, weights_hash: hash }) => h("tr", {},
      h("td", {}, arm), h("td", {}, seed), h("td", {}, whole(parameters)),
      h("td", {}, h("code", { title: hash }, hash.slice(0, 16)))))));
}

/** @param {Network[]} networks */
function twinWords(networks) {
  const twins = Map.groupBy(networks, ({ seed }) => seed);
  const agree = [...twins.values()].every((those) =>
    new Set(those.map(({ weights_hash: hash }) => hash)).size === 1);
  return agree ? "Twins of one seed started from equal weights: their hashes agree."
    : "The hashes of some twins differ: they did not start from equal weights.";
}

/** @param {RunDetail} run */
function factsTable(run) {
  /** @param {string | null} time */
  const moment = (time) => time === null ? "–" : exact(time);
  const facts = [
    ["Number", `#${run.id}`],
    ["Catalog entry", run.catalog_entry ?? "none"],
    ["Device", run.device ?? "–"],
    ["Created", moment(run.created_at)],
    ["Started", moment(run.started_at)],
    ["Ended", moment(run.ended_at)],
    ["Made with", run.versions ? versionWords(run.versions) : "–"],
  ];
  return table([], facts.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))));
}

/** @param {Json | undefined} value */
function shown(value) {
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : toText(value);
}
