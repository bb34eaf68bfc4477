/** Accuracy: on the test set, and of the training batches. */

import { percent } from "../format.js";
import { lineChart } from "./lines.js";

/** What all charts of an accuracy have in common. */
const accuracy = { axis: "share correct (%)", format: percent, percent: true, log: null };

export const testAccuracy = lineChart({
  ...accuracy,
  id: "test-accuracy",
  title: "Test accuracy",
  hint: "Share of the test set that is classified right, in inference mode. " +
    "Which arm climbs sooner, and which ends higher?",
  table: "evaluations",
  curves: [{ statistic: "test_accuracy" }],
  points: true,
});

/** Of a watched run: what its own loop said. */
export const loggedTestAccuracy = lineChart({
  ...accuracy,
  id: "test-accuracy",
  title: "Test accuracy",
  hint: "What the loop logged as its accuracy on a test set: the share that is right.",
  table: "evaluations",
  curves: [{ statistic: "test_accuracy" }],
  points: true,
  missing: "No accuracy on a test set was logged: run.log_evaluation(accuracy=…)",
  least: 1,
});

/** @type {Omit<Parameters<typeof lineChart>[0], "hint">} */
const ofBatches = {
  ...accuracy,
  id: "train-accuracy",
  title: "Training accuracy",
  table: "network_records",
  curves: [{ statistic: "accuracy" }],
};

/** Likewise. */
export const loggedAccuracy = lineChart({
  ...ofBatches,
  hint: "What the loop logged as its accuracy at each step: the share of the batch that is right.",
  missing: "No accuracy was logged: run.log(accuracy=…)",
});

export const trainAccuracy = lineChart({
  ...ofBatches,
  hint: "Share of each training batch that is classified right. Far above the test accuracy: " +
    "overfitting.",
});
