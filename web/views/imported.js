/** A run that was imported: where it came from, and what was left out. */

/** @import { Imported } from "../types" */

import { h } from "../dom.js";
import { whole } from "../format.js";
import { section, table } from "./tables.js";

/** @param {Imported} imported */
export const originWords = ({ kind, path, host }) => `imported: ${kind} at ${path} on ${host}`;

/** @param {number} run */
export const importedNotAgain = (run) =>
  `Run #${run} was imported, not run here, so it can't be run again here.`;

/**
 * @param {Imported} imported
 * @returns {HTMLElement[]}
 */
export function importedSections({ kind, path, host, series, quantities, skipped }) {
  const facts = [["From", kind], ["Path", path], ["Host", host],
    ["Series", series.join(", ")], ["Quantities", whole(quantities.length)]];
  const left = table(["Name", "Why"], skipped.map(({ name, reason }) =>
    h("tr", {}, h("td", {}, h("code", {}, name)), h("td", {}, reason))));
  return [h("div", {},
    section("Imported", table([], facts.map(([name, value]) =>
      h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value))))),
    ...(skipped.length > 0 ? [section("Left out", left)] : []))];
}
