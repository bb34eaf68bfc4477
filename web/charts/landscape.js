/** What a step does to gradients, and how the loss changes along it: Santurkar et al. (2018). */

import { lineChart } from "./lines.js";

const NONE = "does not apply: no layer comes before it, or it has no weights";
const shifts = { table: /** @type {const} */ ("gradient_shift_records"), points: true,
  missing: NONE, least: 1 };

export const gradientShift = [
  lineChart({
    ...shifts,
    id: "shift-l2",
    title: "Gradient shift",
    hint: "How far updating all layers earlier in the forward pass, also those of other branches, " +
      "moves this layer’s gradient on the same batch: ‖G − G′‖₂ (Definition 2.1). 0 is none.",
    axis: "‖G − G′‖₂",
    curves: [{ statistic: "shift_l2" }],
    log: true,
    shared: true,
  }),
  lineChart({
    ...shifts,
    id: "shift-relative",
    title: "Relative gradient shift",
    hint: "The same beside the gradient itself. Above 1, it moved by more than its own length.",
    axis: "‖G − G′‖₂ / ‖G‖₂",
    curves: [{ statistic: "shift_relative" }],
    log: true,
    shared: true,
  }),
  lineChart({
    ...shifts,
    id: "shift-cosine",
    title: "Cosine of the gradients",
    hint: "Of the angle between G and G′. 1: none; 0: the step turned the gradient aside altogether.",
    axis: "cos(G, G′)",
    curves: [{ statistic: "shift_cosine" }],
    log: null,
  }),
];

const along = { table: /** @type {const} */ ("landscape_records"), points: true, log: true };

export const landscape = [
  lineChart({
    ...along,
    id: "loss-range",
    title: "Loss range",
    hint: "Highest loss minus lowest along the gradient, ½ to 4 learning rates away. Small: smooth.",
    axis: "cross-entropy (nats)",
    curves: [{ statistic: "loss_range" }],
  }),
  lineChart({
    ...along,
    id: "gradient-change",
    title: "Gradient change",
    hint: "How far the gradient moves on the way, at most. Small: it predicts well.",
    axis: "max ‖∇L − ∇L₀‖₂",
    curves: [{ statistic: "gradient_change" }],
  }),
  lineChart({
    ...along,
    id: "smoothness",
    title: "Effective β",
    hint: "The largest change of the gradient by the distance moved. Small: smooth.",
    axis: "max ‖∇L − ∇L₀‖₂ / distance",
    curves: [{ statistic: "smoothness" }],
  }),
];
