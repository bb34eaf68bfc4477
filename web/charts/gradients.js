/** How much gradient arrives at each layer. */

import { lineChart } from "./lines.js";

export const activationGradient = lineChart({
  id: "activation-gradient",
  title: "Gradient at the preactivation",
  hint: "Euclidean norm of ∂loss/∂preactivation. Smaller from layer to layer towards the input: " +
    "vanishing gradients.",
  axis: "norm",
  table: "layer_records",
  curves: [{ statistic: "activation_grad_norm" }],
  log: true,
  shared: true,
});

export const weightGradient = lineChart({
  id: "weight-gradient",
  title: "Gradient of the weights",
  hint: "Euclidean norm of ∂loss/∂weight. Decades below the other layers: this layer hardly " +
    "learns.",
  axis: "norm",
  table: "layer_records",
  curves: [{ statistic: "weight_grad_norm" }],
  log: true,
  shared: true,
});

export const gradientSignal = lineChart({
  id: "gradient-signal",
  title: "Signal-to-noise of the gradient",
  hint: "‖E g‖² / tr Cov g of ∂loss/∂weight from batch to batch: at each tenth record from the " +
    "42nd on, averaged over about 100. 1: as much of a batch’s gradient is common to all batches " +
    "as is its own. Below 0, which a log axis cannot show: no signal is left, or it turns back " +
    "and forth.",
  axis: "‖E g‖² / tr Cov g",
  table: "layer_records",
  curves: [{ statistic: "grad_snr" }],
  log: true,
  shared: true,
  missing: "takes 42 records, and a gradient that is neither absent, sparse nor always 0; earlier " +
    "versions recorded none",
});
