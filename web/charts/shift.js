/** How far the distribution of a layer's preactivation moves. */

import { lineChart } from "./lines.js";

export const shiftFromStart = lineChart({
  id: "shift-from-start",
  title: "Shift from start",
  hint: "Distance of the preactivation from its first record, in units of its spread. " +
    "Flat: the layers above see stable inputs.",
  axis: "W₁ (σ)",
  table: "layer_records",
  curves: [{ statistic: "shift_from_start" }],
});

export const shiftStep = lineChart({
  id: "shift-step",
  title: "Shift per record",
  hint: "Distance from the record before. Its floor is the noise of batches; look for what " +
    "rises above it.",
  axis: "W₁ (σ)",
  table: "layer_records",
  curves: [{ statistic: "shift_w1" }],
});
