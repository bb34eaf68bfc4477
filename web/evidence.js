/** Where a statistic is drawn, so that what was noticed in it can be looked at. Pure. */

/** @import { Place } from "./types" */

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/**
 * The tab and the chart of each statistic that a finding or a first offender can name, with its
 * table where that is another chart; no chart where the tab has none.
 * @type {ReadonlyMap<string, { tab: string, chart: string | null }>}
 */
export const DRAWN = new Map([
  ["loss", { tab: "overview", chart: "train-loss" }],
  ["test_loss", { tab: "overview", chart: "test-loss" }],
  ["test_accuracy", { tab: "overview", chart: "inference-gap" }],
  ["std", { tab: "shift", chart: "fan" }],
  ["nonfinite", { tab: "shift", chart: "fan" }],
  ["w1_from_previous_median", { tab: "shift", chart: "probe-w1-from-previous" }],
  ["effective_rank", { tab: "shift", chart: "effective-rank" }],
  ["activation_grad_norm", { tab: "gradients", chart: "activation-gradient" }],
  ["weight_grad_norm", { tab: "gradients", chart: "weight-gradient" }],
  ["weight_norm", { tab: "gradients", chart: "update-ratio" }], // what it is divided by
  ["update_ratio", { tab: "gradients", chart: "update-ratio" }],
  ["saturated", { tab: "gradients", chart: "saturated" }],
  ["dead", { tab: "gradients", chart: "dead" }],
  ["mean_drift", { tab: "running-statistics", chart: "mean-drift" }],
  ["var_drift", { tab: "running-statistics", chart: "var-drift" }],
  ["unit_records.std", { tab: "running-statistics", chart: "gamma" }], // which it is of a unit
  ["gamma_max", { tab: "running-statistics", chart: "gamma" }],
  ["seconds", { tab: "settings", chart: null }],
]);
/** Steps that are shown beside those of the evidence, at least. */
const AROUND = 50;

/**
 * The page of a run where a statistic is drawn, around some steps and read at their last one.
 * @param {{ table?: string, statistic: string, layer: string | null, first: number,
 *   last: number }} evidence Its layer is null where it is of the network
 * @param {RunPlace} place The run's page
 * @returns {RunPlace}
 */
export function evidencePlace({ table, statistic, layer, first, last }, place) {
  const { tab, chart } = DRAWN.get(`${table}.${statistic}`) ?? DRAWN.get(statistic)
    ?? { tab: "overview", chart: null };
  const there = { ...place, tab, layer: layer ?? place.layer, find: null };
  if (chart === null) return { ...there, range: null, step: null, chart };
  const room = Math.max(AROUND, last - first);
  return { ...there, range: [Math.max(0, first - room), last + room], step: last,
    chart: layer === null ? chart : `${chart}:${layer}` };
}
