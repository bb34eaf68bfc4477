/** Accuracy: on the test set, and of the training batches. */

import { percent } from "../format.js";
import { lineChart } from "./lines.js";

export const testAccuracy = lineChart({
  id: "test-accuracy",
  title: "Test accuracy",
  hint: "Share of the test set that is classified right, in inference mode. " +
    "Which arm climbs sooner, and which ends higher?",
  axis: "share correct (%)",
  table: "evaluations",
  curves: [{ statistic: "test_accuracy" }],
  format: percent,
  percent: true,
  log: null,
  points: true,
});

/** Of a watched run: what its own loop said. */
export const loggedAccuracy = lineChart({
  id: "train-accuracy",
  title: "Training accuracy",
  hint: "What the loop logged as its accuracy at each step: the share of the batch that is right.",
  axis: "share correct (%)",
  table: "network_records",
  curves: [{ statistic: "accuracy" }],
  format: percent,
  percent: true,
  log: null,
  missing: "No accuracy was logged: run.log(accuracy=…)",
});

export const trainAccuracy = lineChart({
  id: "train-accuracy",
  title: "Training accuracy",
  hint: "Share of each training batch that is classified right. Far above the test accuracy: " +
    "overfitting.",
  axis: "share correct (%)",
  table: "network_records",
  curves: [{ statistic: "accuracy" }],
  format: percent,
  percent: true,
  log: null,
});
