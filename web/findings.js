/** Findings: grouped for reading, and where the evidence of one is to be seen. Pure. */

/** @import { Evidence, Finding, FindingGroup, Place } from "./types" */

/** Which tab has the chart of a statistic. */
const TAB = new Map([
  ...["std", "nonfinite", "weight_norm", "w1_from_previous_median", "effective_rank"]
    .map((name) => /** @type {const} */ ([name, "shift"])),
  ...["activation_grad_norm", "weight_grad_norm", "update_ratio", "saturated", "dead"]
    .map((name) => /** @type {const} */ ([name, "gradients"])),
  ...["mean_drift", "var_drift", "gamma_min", "gamma_max"]
    .map((name) => /** @type {const} */ ([name, "running-statistics"])),
  ["seconds", "settings"],
]);
/** Steps that are shown beside those of the evidence, at least. */
const AROUND = 50;

/**
 * What each rule found, by arm: in all its layers and seeds.
 * @param {Finding[]} findings In the order in which they are told
 * @returns {FindingGroup[]}
 */
export function grouped(findings) {
  return [...by(findings, ({ rule }) => rule).values()].map((of) => {
    const { rule, title, severity, why, advice } = of[0];
    return { rule, title, severity, why, advice,
      arms: [...by(of, ({ arm }) => arm).entries()].map(([arm, found]) => ({
        arm, findings: found,
        seeds: known(found, ({ seed }) => seed).sort((a, b) => a - b),
        layers: known(found, ({ layer }) => layer),
        first: Math.min(...found.map(({ first_step: first }) => first)),
        last: Math.max(...found.map(({ last_step: last }) => last)),
      })) };
  });
}

/**
 * @template Key
 * @param {Finding[]} findings
 * @param {(finding: Finding) => Key} keyOf
 * @returns {Map<Key, Finding[]>}
 */
function by(findings, keyOf) {
  const groups = new Map();
  for (const one of findings) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/**
 * What there is of something, each once.
 * @template Value
 * @param {Finding[]} findings
 * @param {(finding: Finding) => Value | null} take
 * @returns {Value[]}
 */
function known(findings, take) {
  return [...new Set(findings.map(take))].flatMap((one) => one === null ? [] : [one]);
}

/**
 * The chart that shows a finding, at the steps where it was worst.
 * @param {Finding} finding
 * @param {Extract<Place, { view: "run" }>} place The run's page
 * @returns {Extract<Place, { view: "run" }>}
 */
export function placeOf({ evidence, layer, seed }, place) {
  const tab = TAB.get(evidence.statistic) ?? "overview";
  const range = tab === "settings" ? null : around(evidence);
  return { ...place, tab, range, seed: seed ?? place.seed, layer, find: null };
}

/** @param {Evidence} evidence @returns {[number, number]} */
function around({ first, last }) {
  const room = Math.max(AROUND, last - first);
  return [Math.max(0, first - room), last + room];
}
