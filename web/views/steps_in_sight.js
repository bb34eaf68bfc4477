/** The steps that charts show together: all there are, or a range that a person zoomed to. */

/** @import { Range } from "../types" */

import { changed, wholeSteps } from "../scale.js";

export class StepsInSight {
  /** @type {Range | null} The steps that were zoomed to; null follows what is recorded */
  chosen = null;
  /** The latest step, as far as it is known. */
  expected = 0;

  /** @param {(range: Range | null) => void} onChoose */
  constructor(onChoose) {
    this.onChoose = onChoose;
  }

  get latest() {
    return Math.max(1, this.expected);
  }

  /** The first and last step in sight. @returns {Range} */
  get range() {
    return this.chosen ?? [0, this.latest];
  }

  /**
   * Zoom to a range of steps; null shows all again.
   * @param {Range | null} range
   */
  choose(range) {
    this.onChoose(range && wholeSteps(range, Math.max(2, this.latest)));
  }

  /** @param {{ move?: number, scale?: number }} change */
  nudge(change) {
    const latest = Math.max(2, this.latest);
    const [first, last] = changed(this.range, latest, change);
    this.choose(first === 0 && last === latest ? null : [first, last]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = {
      ArrowLeft: () => this.nudge({ move: -0.25 }),
      ArrowRight: () => this.nudge({ move: 0.25 }),
      "+": () => this.nudge({ scale: 0.5 }),
      "=": () => this.nudge({ scale: 0.5 }),
      "-": () => this.nudge({ scale: 2 }),
      0: () => this.choose(null),
      Escape: () => this.choose(null),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
