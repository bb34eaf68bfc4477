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
