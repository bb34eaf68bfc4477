/** How large each update is beside the weights it changes. */

import { lineChart } from "./lines.js";

export const updateRatio = lineChart({
  id: "update-ratio",
  title: "Update ratio",
  hint: "Norm of each update over the norm of the weights. Around 10⁻³ is common; far below, " +
    "the layer stands still.",
  axis: "‖Δw‖ / ‖w‖",
  table: "layer_records",
  curves: [{ statistic: "update_ratio" }],
  log: true,
  shared: true,
});
