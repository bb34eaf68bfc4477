/** A small link beside a run: to the sweep that it is in. */

import { h } from "../dom.js";
import { format, ofSweep } from "../location.js";

/** @param {number} sweep */
export const sweepChip = (sweep) =>
  h("a", { class: "chip", href: format(ofSweep(sweep)) }, `sweep ${sweep}`);
