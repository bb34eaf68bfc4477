/** A setting against what came of it: from the networks of a comparison to a chart. Pure. */

/** @import { Field, Measurement, NetworkOutcome, Quantity } from "../types" */

import { whole } from "../format.js";

/**
 * `none` says of networks that they have no such outcome.
 * @type {{ name: string, title: string, unit: string, share: boolean, none: string,
 *   definition: string }[]}
 */
export const OUTCOMES = [
  { name: "best_accuracy", title: "Best accuracy", unit: "test accuracy (%)", share: true,
    none: "without an evaluation",
    definition: "The highest share of the test set that the network classified right, of all " +
      "evaluations." },
  { name: "last_accuracy", title: "Last accuracy", unit: "test accuracy (%)", share: true,
    none: "without an evaluation",
    definition: "The share of the test set that the network classified right at its last " +
      "evaluation; NaN where its loss had ceased to be finite." },
  { name: "steps_to_target", title: "Steps to the target", unit: "steps", share: false,
    none: "that did not reach the target",
    definition: "Steps until the network’s test accuracy first reached the target, interpolated " +
      "between evaluations." },
  { name: "first_nonfinite_step", title: "First non-finite step", unit: "step", share: false,
    none: "that stayed finite",
    definition: "The step from which on the network’s loss was NaN or infinite." },
];

/** So many arms have a colour each; of more it is their norms, where these are fewer. */
const MOST_ARMS = 6;
/** A setting that spans more than this factor is on a logarithmic axis. */
const WIDE = 20;

/**
 * Settings that are numbers and differ, by path.
 * @param {string[]} groups
 * @param {NetworkOutcome[]} networks
 */
export const numeric = (groups, networks) => groups.filter((path) =>
  networks.some(({ settings }) => typeof settings[path] === "number"));

/**
 * What a chart of an outcome by a setting is, and its points: one for each network.
 * @param {NetworkOutcome[]} networks
 * @param {string} path
 * @param {string} outcome
 * @param {Field | undefined} field What the schema says of the setting
 * @returns {{ quantity: Quantity, definition: string, points: Measurement[], lacking: string }}
 */
export function scatter(networks, path, outcome, field) {
  const { name, title, unit, share, none, definition } = OUTCOMES.find((one) => one.name === outcome)
    ?? OUTCOMES[0];
  const having = networks.filter(({ settings }) => typeof settings[path] === "number");
  const isByNorm = new Set(having.map(({ arm }) => arm)).size > MOST_ARMS &&
    having.every(({ settings }) => typeof settings["arms.norm"] === "string");
  /** @type {Measurement[]} */
  const points = [];
  let without = 0;
  for (const network of having) {
    const value = network[/** @type {"best_accuracy"} */ (name)];
    if (value === null) {
      without += 1;
      continue;
    }
    points.push({ seed: network.seed, quantity: name,
      series: String(isByNorm ? network.settings["arms.norm"] : network.arm),
      x: Number(network.settings[path]), value: share ? 100 * Number(value) : Number(value) });
  }
  const values = having.map(({ settings }) => Number(settings[path]));
  const ofSetting = field?.title ?? path;
  return {
    quantity: { name, title: `${title} by ${ofSetting.toLowerCase()}`, unit,
      x: `${path}${field?.unit ? ` (${field.unit})` : ""}`,
      shows: `Each dot is a network, the line joins the means of ${
        isByNorm ? "a norm" : "an arm"}. Other settings may differ, too.`,
      log_x: Math.min(...values) > 0 && Math.max(...values) > WIDE * Math.min(...values),
      log_y: false },
    definition,
    points,
    lacking: without === 0 ? "" : `not drawn: ${whole(without)} network${
      without === 1 ? "" : "s"} ${none}`,
  };
}
