/** Statistics of layers and arrays of units, with their units of measure: what one can choose. */

/**
 * @typedef {object} Told
 * @property {string} title
 * @property {string} unit
 * @property {boolean} log Whether its colours start as logarithmic
 * @property {string} about What it is, in a sentence
 */

/** By column of `layer_records`. @type {Record<string, Told>} */
export const LAYER_STATISTICS = {
  shift_w1: { title: "Shift per record", unit: "W₁ (σ)", log: false,
    about: "How far the preactivation is from the record before." },
  shift_from_start: { title: "Shift from start", unit: "W₁ (σ)", log: false,
    about: "How far the preactivation is from its first record; look for where it begins." },
  mean: { title: "Mean of the preactivation", unit: "preactivation", log: false,
    about: "Mean of the preactivation." },
  std: { title: "Std of the preactivation", unit: "preactivation", log: false,
    about: "Spread of the preactivation; look for layers that grow or collapse." },
  p50: { title: "Median of the preactivation", unit: "preactivation", log: false,
    about: "Half of its sampled elements are below." },
  saturated: { title: "Saturated", unit: "share of elements", log: false,
    about: "Share of outputs where the nonlinearity is almost flat." },
  dead: { title: "Dead", unit: "share of units", log: false,
    about: "Share of units that are zero for the whole batch." },
  activation_grad_norm: { title: "Gradient at the preactivation", unit: "norm", log: true,
    about: "Norm of ∂loss/∂preactivation; darker towards the input: vanishing." },
  weight_grad_norm: { title: "Gradient of the weights", unit: "norm", log: true,
    about: "Norm of ∂loss/∂weight; darker towards the input: vanishing." },
  weight_norm: { title: "Norm of the weights", unit: "norm", log: true,
    about: "Euclidean norm of the weights." },
  update_ratio: { title: "Update ratio", unit: "‖Δw‖ / ‖w‖", log: true,
    about: "Norm of each update over the norm of the weights." },
  grad_snr: { title: "Signal-to-noise of the gradient", unit: "‖E g‖² / tr Cov g", log: true,
    about: "How much of a gradient all batches share, beside what is each batch’s own." },
  mean_drift: { title: "Drift of the mean", unit: "σ", log: true,
    about: "How far BatchNorm’s running mean is from the batch’s own." },
  var_drift: { title: "Drift of the variance", unit: "|ln ratio|", log: true,
    about: "How far BatchNorm’s running variance is from the batch’s own." },
  gamma_mean: { title: "γ, mean", unit: "γ", log: false,
    about: "Mean over units of what BatchNorm learned as its scale." },
  beta_mean: { title: "β, mean", unit: "β", log: false,
    about: "Mean over units of what BatchNorm learned as its offset." },
  beta_std: { title: "β, std", unit: "β", log: false,
    about: "Spread over units of what BatchNorm learned as its offset." },
  nonfinite: { title: "Non-finite elements", unit: "elements", log: false,
    about: "How many elements of the preactivation are NaN or infinite." },
};

/** By array of `unit_records`. @type {Record<string, Omit<Told, "log">>} */
export const UNIT_ARRAYS = {
  mean: { title: "Mean", unit: "preactivation", about: "Mean of each unit’s input on the probe." },
  std: { title: "Standard deviation", unit: "preactivation",
    about: "Spread of each unit’s input on the probe." },
  p15: { title: "15th percentile", unit: "preactivation",
    about: "15th percentile of each unit’s input on the probe." },
  p50: { title: "Median", unit: "preactivation",
    about: "Median of each unit’s input on the probe." },
  p85: { title: "85th percentile", unit: "preactivation",
    about: "85th percentile of each unit’s input on the probe." },
  running_mean: { title: "Running mean", unit: "before BatchNorm",
    about: "BatchNorm’s running mean of each unit." },
  running_var: { title: "Running variance", unit: "before BatchNorm",
    about: "BatchNorm’s running variance of each unit." },
};
