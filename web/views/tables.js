/** The tables of the Settings tab that every run has, and what they are made of. */

/** @import { Network, Run } from "../types" */

import { h } from "../dom.js";
import { exact, versionWords, whole } from "../format.js";

/**
 * What is wider than its place scrolls there, by the keyboard too.
 * @param {string} title
 * @param {HTMLElement} content
 */
export function section(title, content) {
  return h("section", { "aria-label": title, tabindex: 0 }, h("h2", {}, title), content);
}

/**
 * @param {string[]} names None: no head
 * @param {HTMLTableRowElement[]} rows
 */
export function table(names, rows) {
  const head = h("thead", {}, h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
  return h("table", {}, names.length > 0 && head, h("tbody", {}, ...rows));
}

/**
 * @param {Network[]} networks
 * @param {boolean} [twins] Whether those of one seed are
 */
export function networksTable(networks, twins = true) {
  if (networks.length === 0) {
    return h("p", { class: "hint" }, "They are made when training begins.");
  }
  const names = ["Arm", "Seed", "Parameters", "Layers", "SHA-256 of the first weights"];
  return h("div", {}, h("p", { class: "hint" }, twins ? twinWords(networks)
    : "They are no twins: each drew first weights and batches of its own."),
    table(names, networks.map(({ arm, seed, parameters, layers, weights_hash: hash }) => h("tr", {},
      h("td", {}, arm), h("td", {}, seed), h("td", {}, whole(parameters)),
      h("td", {}, whole(layers.length)),
      h("td", {}, h("code", { title: hash }, hash.slice(0, 16) || "–"))))));
}

/** @param {Network[]} networks */
function twinWords(networks) {
  const twins = [...Map.groupBy(networks, ({ seed }) => seed).values()];
  if (twins.every((those) => those.length === 1)) return "";
  const agree = twins.every((those) =>
    new Set(those.map(({ weights_hash: hash }) => hash)).size === 1);
  return agree ? "Twins of one seed started from equal weights: their hashes agree."
    : "The hashes of some twins differ: they did not start from equal weights.";
}

/** @param {Run} run */
export function factsTable(run) {
  /** @param {string | null} time */
  const moment = (time) => time === null ? "–" : exact(time);
  const facts = [
    ["Number", `#${run.id}`],
    ...(run.source === "watch" || run.source === "import" ? [] : [["Catalog entry", run.catalog_entry ?? "none"]]),
    ["Device", run.device ?? "–"],
    ["Created", moment(run.created_at)],
    ["Started", moment(run.started_at)],
    ["Ended", moment(run.ended_at)],
    ["Made with", run.versions ? versionWords(run.versions) : "–"],
  ];
  return table([], facts.map(([name, value]) =>
    h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))));
}
