/** The colours of heat maps: viridis, evenly spaced to the eye and safe for colour-blind readers. */

const STOPS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779",
  "#6ece58", "#b5de2b", "#fde725"];

/** From the lowest value, 0, to the highest, 1. @type {[number, string][]} */
export const RAMP = STOPS.map((stop, at) => [at / (STOPS.length - 1), stop]);

/** The same as a background, from left to right. */
export const GRADIENT = `linear-gradient(90deg, ${STOPS.join(", ")})`;
