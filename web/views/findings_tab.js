/** Findings: what the rules noticed, where it shows, why it matters, and what to try. */

/** @import { Finding, FindingGroup, Findings, FindingsOfArm, Network, Place, Run } from "../types" */

import { findingsUrl } from "../asking/files.js";
import { armDash } from "../charts/lines.js";
import { h, swatch } from "../dom.js";
import { grouped, placeOf } from "../findings.js";
import { steps, whole } from "../format.js";
import { format } from "../location.js";
import { isActive } from "./status.js";

/** So many places of a finding are told at once; the others when they are asked for. */
const SHOWN = 4;

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/**
 * The tab's name, with how much there is to read.
 * @param {Findings | null} found
 */
export function findingsTitle(found) {
  const count = found ? grouped(found.findings).length : 0;
  return count > 0 ? `Findings ${count}` : "Findings";
}

export class FindingsTab {
  #shown = "";

  constructor() {
    this.element = h("div", { class: "findings" });
  }

  /**
   * @param {Findings | null} found Null: not known yet
   * @param {Run} run
   * @param {Network[]} networks
   * @param {RunPlace} place
   */
  show(found, run, networks, place) {
    const state = JSON.stringify([found, isActive(run), place]);
    if (!found || state === this.#shown) return;
    this.#shown = state;
    const arms = [...new Set(networks.map(({ arm }) => arm))];
    const open = new Set([...this.element.querySelectorAll("details[open]")].map(({ id }) => id));
    const groups = grouped(found.findings);
    this.element.replaceChildren(
      ...(groups.length === 0 ? [h("p", { class: "nothing" }, nothing(found, run))] : [
        h("p", { class: "hint lead" }, "A link shows the chart where it was worst. ",
          h("a", { href: findingsUrl(run.id), download: "" }, "All as CSV"))]),
      ...groups.map((group) => card(group, arms, place, open)),
      ...(found.silenced.length === 0 ? [] : [h("p", { class: "hint" },
        `Silenced in this run: ${found.silenced.map(({ title }) => title).join(", ")}.`)]));
  }
}

/**
 * @param {Findings} found
 * @param {Run} run
 */
function nothing({ diagnosed }, run) {
  if (diagnosed !== null) {
    return `The rules found nothing${isActive(run) ? " so far" : ""}.`;
  }
  return isActive(run) ? "The rules look when training begins."
    : `No rule has looked at this run. In a terminal: shiftscope diagnose ${run.id}`;
}

/**
 * @param {FindingGroup} group
 * @param {string[]} arms
 * @param {RunPlace} place
 * @param {Set<string>} open Which lists were open
 */
function card({ rule, title, severity, why, advice, arms: of }, arms, place, open) {
  const id = `finding-${rule}`;
  return h("article", { class: `finding ${severity}`, "aria-labelledby": id },
    h("header", {}, h("h2", { id }, title), h("span", { class: "hint" }, severity)),
    ...of.map((one) => ofArm(one, arms.indexOf(one.arm ?? ""), id, place, open)),
    h("p", {}, why),
    h("p", {}, h("strong", {}, "To try: "), advice));
}

/**
 * @param {FindingsOfArm} of
 * @param {number} at The arm's place; −1 where it is about the run
 * @param {string} id
 * @param {RunPlace} place
 * @param {Set<string>} open
 */
function ofArm({ arm, findings, seeds, layers, first, last }, at, id, place, open) {
  const more = `${id}-${at}`;
  const facts = [
    layers.length > 1 && `${whole(layers.length)} layers`,
    seeds.length > 0 && `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`,
    steps(first, last),
  ].filter(Boolean).join(" · ");
  const lines = findings.map((finding) => line(finding, seeds.length > 1, place,
    findings.length > 1));
  return h("div", { class: "of-arm" },
    h("h3", {}, arm !== null && h("span", {}, at >= 0 && swatch(at, armDash(at)), arm), " ",
      h("span", { class: "hint" }, facts)),
    h("ul", {}, ...lines.slice(0, SHOWN)),
    lines.length > SHOWN && h("details", { id: more, open: open.has(more) },
      h("summary", {}, `${whole(lines.length - SHOWN)} more`), h("ul", {}, ...lines.slice(SHOWN))));
}

/**
 * @param {Finding} finding
 * @param {boolean} several Whether the arm has several seeds
 * @param {RunPlace} place
 * @param {boolean} isOne Whether it is one of many, of which each has steps of its own
 */
function line(finding, several, place, isOne) {
  const { sentence, evidence, seed, first_step: first, last_step: last } = finding;
  const limit = evidence.threshold === 0 ? "" : `, threshold ${evidence.threshold}`;
  const of = `${evidence.statistic}${limit}, ${steps(evidence.first, evidence.last)}`;
  return h("li", {}, sentence, " ",
    h("a", { href: format(placeOf(finding, place)), title: "Show the chart at these steps" }, of),
    isOne && h("span", { class: "hint" }, ` ${several ? `seed ${seed}, ` : ""}${steps(first, last)}`));
}
