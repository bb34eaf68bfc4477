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
 * What one rule found of one arm: in all its layers and seeds.
 * @param {Finding[]} findings In the order in which they are told
 * @returns {FindingGroup[]}
 */
export function grouped(findings) {
  /** @type {Map<string, Finding[]>} */
  const groups = new Map();
  for (const finding of findings) {
    const key = JSON.stringify([finding.rule, finding.arm]);
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].map((found) => {
    const { rule, title, severity, arm, why, advice } = found[0];
    return {
      rule, title, severity, arm, why, advice, findings: found,
      seeds: [...new Set(found.map(({ seed }) => seed))].filter((seed) => seed !== null)
        .sort((a, b) => a - b),
      layers: [...new Set(found.map(({ layer }) => layer))].filter((layer) => layer !== null),
      first: Math.min(...found.map(({ first_step: first }) => first)),
      last: Math.max(...found.map(({ last_step: last }) => last)),
    };
  });
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
