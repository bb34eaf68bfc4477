/** Units that let no gradient through. */

import { percent } from "../format.js";
import { lineChart } from "./lines.js";

export const saturated = lineChart({
  id: "saturated",
  title: "Saturated",
  hint: "Share of outputs where the nonlinearity is flat: |f′| below 5 % of its maximum. Of ReLU " +
    "about half is usual; of sigmoid and tanh it is what keeps a layer from learning.",
  axis: "share of outputs (%)",
  table: "layer_records",
  curves: [{ statistic: "saturated" }],
  format: percent,
  percent: true,
  log: null,
  shared: true,
});

export const dead = lineChart({
  id: "dead",
  title: "Dead",
  hint: "Share of units that give 0 for every example of the batch. What stays dead does not come " +
    "back.",
  axis: "share of units (%)",
  table: "layer_records",
  curves: [{ statistic: "dead" }],
  format: percent,
  percent: true,
  log: null,
  shared: true,
});
