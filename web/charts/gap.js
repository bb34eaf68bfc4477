/** What BatchNorm's running statistics cost at inference. */

import { percent } from "../format.js";
import { lineChart } from "./lines.js";

export const inferenceGap = lineChart({
  id: "inference-gap",
  title: "Train/inference gap",
  hint: "Test accuracy with running statistics (solid) and with each batch’s own (dotted). " +
    "Apart: the running statistics lag behind.",
  axis: "share correct (%)",
  table: "evaluations",
  curves: [
    { statistic: "test_accuracy", dash: "solid", label: "running" },
    { statistic: "test_accuracy_batch_statistics", dash: "dot", label: "batch" },
  ],
  format: percent,
  percent: true,
  log: null,
  points: true,
  batchNorm: true,
});
