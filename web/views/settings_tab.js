/** Settings: everything that is needed to repeat a run. */

/** @import { Json, Network, RunDetail } from "../types" */

import * as api from "../api.js";
import { armDash } from "../charts/lines.js";
import { command, equal, valueAt } from "../document.js";
import { h, swatch } from "../dom.js";
import { exact, whole } from "../format.js";
import { fields, toText } from "../schema.js";
import { store } from "../state.js";

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
  const [schema, entries, system] = await Promise.all([
    api.getSchema(), api.getCatalog(), api.getSystem()]);
  store.set({ system });
  const all = fields(schema);
  const entry = entries.find(({ name }) => name === run.catalog_entry);
  const origin = entry?.experiment;
  if (entry) {
    const words = command(entry.name, all, run.experiment, entry.experiment);
    element.append(section("Command", commandLine(words)));
  }
  const settings = all.filter(({ kind }) => kind !== "table");
  element.append(section("Experiment", h("table", {}, head("Setting", "Value"),
    h("tbody", {}, ...settings.map(({ path, title, unit }) => {
      const value = valueAt(run.experiment, path);
      const before = valueAt(origin, path);
      const differs = origin !== undefined && !equal(value, before);
      return h("tr", { class: differs ? "differs" : null },
        h("th", { scope: "row" }, title, h("code", {}, path)),
        h("td", {}, h("span", {}, shown(value)), unit && ` ${unit}`,
          differs && h("span", { class: "hint" }, ` catalog: ${shown(before)}`)));
    })))));
  element.append(h("div", {}, section("Arms", h("table", {}, head("", "Name", "Normalization", "Learning rate"),
      h("tbody", {}, ...armsOf(run).map((arm, at) => h("tr", {},
        h("td", {}, swatch(at, armDash(at))), h("td", {}, toText(arm.name)), h("td", {}, toText(arm.norm)),
        h("td", {}, arm.lr === null
          ? toText(valueAt(run.experiment, "optimizer.lr")) : toText(arm.lr))))))),
    section("Networks", networks.length === 0
      ? h("p", { class: "hint" }, "They are made when training begins.")
      : h("div", {}, h("p", { class: "hint" }, twinWords(networks)), h("table", {},
        head("Arm", "Seed", "Parameters", "SHA-256 of the first weights"),
        h("tbody", {}, ...networks.map((network) => h("tr", {},
          h("td", {}, network.arm), h("td", {}, network.seed),
          h("td", { class: "number" }, whole(network.parameters)),
          h("td", {}, h("code", { title: network.weights_hash },
            network.weights_hash.slice(0, 16))))))))),
    section("Run", h("table", {}, h("tbody", {},
      ...pairs(run, system.version).map(([name, value]) => h("tr", {},
        h("th", { scope: "row" }, name), h("td", {}, value)))))),
  ));
}

/** @param {Json | undefined} value */
function shown(value) {
  return typeof value === "number" && Number.isInteger(value) ? whole(value) : toText(value);
}

/**
 * @param {string} title
 * @param {HTMLElement} content
 */
function section(title, content) {
  return h("section", {}, h("h2", {}, title), content);
}

/** @param {...string} names */
function head(...names) {
  return h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
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
 * @param {RunDetail} run
 * @returns {Record<string, Json>[]}
 */
function armsOf({ experiment }) {
  return /** @type {Record<string, Json>[]} */ (experiment.arms);
}

/** @param {Network[]} networks */
function twinWords(networks) {
  const bySeed = Map.groupBy(networks, ({ seed }) => seed);
  const agree = [...bySeed.values()].every((twins) =>
    new Set(twins.map(({ weights_hash: hash }) => hash)).size === 1);
  return agree ? "Twins of one seed started from equal weights: their hashes agree."
    : "The hashes of some twins differ: they did not start from equal weights.";
}

/**
 * @param {RunDetail} run
 * @param {string} version
 * @returns {[string, string][]}
 */
function pairs(run, version) {
  const times = [["Created", run.created_at], ["Started", run.started_at], ["Ended", run.ended_at]]
    .flatMap(([name, time]) => name && time ? [/** @type {[string, string]} */ ([name, exact(time)])] : []);
  return [["Number", `#${run.id}`], ["Catalog entry", run.catalog_entry ?? "none"],
    ["Device", run.device ?? "–"], ...times, ["shiftscope (this server)", version]];
}
