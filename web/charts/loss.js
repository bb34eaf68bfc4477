/** Loss: on the test set, and of the training batches. */

import { lineChart } from "./lines.js";

export const testLoss = lineChart({
  id: "test-loss",
  title: "Test loss",
  hint: "Mean cross-entropy on the test set, in inference mode. " +
    "Rising while the training loss falls: overfitting.",
  axis: "cross-entropy (nats)",
  table: "evaluations",
  curves: [{ statistic: "test_loss" }],
  points: true,
});

/** Of a watched run: what its own loop said. */
export const loggedTestLoss = lineChart({
  id: "test-loss",
  title: "Test loss",
  hint: "What the loop logged as its loss on a test set. " +
    "Rising while the training loss falls: overfitting.",
  axis: "loss",
  table: "evaluations",
  curves: [{ statistic: "test_loss" }],
  points: true,
  missing: "No loss on a test set was logged: run.log_evaluation(loss=…)",
  least: 1,
});

/** Likewise. */
export const loggedLoss = lineChart({
  id: "train-loss",
  title: "Training loss",
  hint: "What the loop logged as its loss at each step. Look for plateaus and for single spikes.",
  axis: "loss",
  table: "network_records",
  curves: [{ statistic: "loss" }],
  missing: "No loss was logged: run.log(loss=…)",
});

export const trainLoss = lineChart({
  id: "train-loss",
  title: "Training loss",
  hint: "Mean cross-entropy of each training batch. Look for plateaus and for single spikes.",
  axis: "cross-entropy (nats)",
  table: "network_records",
  curves: [{ statistic: "loss" }],
});
