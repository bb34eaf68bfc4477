/** How far the units of a layer moved on the fixed probe, with what chance gives. */

/** @import { Chart } from "../types" */

import { lineChart } from "./lines.js";

/** @type {Record<string, { title: string, axis: string, about: string }>} */
export const DISTANCES = {
  w1: { title: "Wasserstein-1", axis: "W₁ (σ)", about: "Wasserstein-1, in stds of the reference" },
  ks: { title: "Kolmogorov–Smirnov", axis: "KS", about: "the largest gap of the distributions" },
  psi: { title: "Stability index", axis: "PSI (nats)", about: "the population stability index" },
  js: { title: "Jensen–Shannon", axis: "JS (nats)", about: "Jensen–Shannon, at most 0.69" },
  mean_shift: { title: "Mean", axis: "|Δμ| (σ)", about: "of the mean, in stds of the reference" },
  scale_shift: { title: "Std", axis: "|Δ ln σ|", about: "of the std; 0.69 is a factor of two" },
  median_shift: { title: "Median", axis: "half-spreads",
    about: "of the median, in half-spreads of the reference, as the eye reads Figure 1" },
};
const FLOOR = "Shaded: no more than two samples of one distribution differ by chance.";

/**
 * The charts of one distance, the median over the units: from the start, and between two looks.
 * @param {string} distance
 * @returns {Chart[]}
 */
export function probeCharts(distance) {
  const { axis, about } = DISTANCES[distance];
  const common = { axis, table: /** @type {const} */ ("probe_records"), log: true, shared: true,
    points: true, floor: `${distance}_floor` };
  return [
    lineChart({
      ...common,
      id: `probe-${distance}-from-start`,
      title: "Moved from the start",
      hint: `Distance of the median unit on the probe, ${about}. ${FLOOR}`,
      curves: [{ statistic: `${distance}_from_start_median` }],
    }),
    lineChart({
      ...common,
      id: `probe-${distance}-from-previous`,
      title: "Moved since the look before",
      hint: "The same between one look at the probe and the next: how fast it moves.",
      curves: [{ statistic: `${distance}_from_previous_median` }],
    }),
  ];
}

export const effectiveRank = lineChart({
  id: "effective-rank",
  title: "Effective rank",
  hint: "How many directions the activations use. Falling: units become alike.",
  axis: "directions",
  table: "probe_records",
  curves: [{ statistic: "effective_rank" }],
  points: true,
});
