/** How far BatchNorm's running statistics are from the batch's own. */

import { lineChart } from "./lines.js";

export const meanDrift = lineChart({
  id: "mean-drift",
  title: "Drift of the mean",
  hint: "Running mean against batch mean, RMS over units. High early, then the noise of batches; " +
    "rising later: the average is too slow.",
  axis: "distance (σ)",
  table: "layer_records",
  curves: [{ statistic: "mean_drift" }],
  batchNorm: true,
});

export const varDrift = lineChart({
  id: "var-drift",
  title: "Drift of the variance",
  hint: "Running against batch variance, RMS over units of |ln ratio|; 0.69 is a factor of two.",
  axis: "|ln ratio|",
  table: "layer_records",
  curves: [{ statistic: "var_drift" }],
  batchNorm: true,
});
