/** Findings: grouped for reading, and where the evidence of one is to be seen. Pure. */

/** @import { Finding, FindingGroup, Place } from "./types" */

import { evidencePlace } from "./evidence.js";

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
  return evidencePlace({ ...evidence, layer }, { ...place, seed: seed ?? place.seed });
}
