/** Which runs are selected, and from which one a range begins. Pure. */

export class Selection {
  /** @type {Set<number>} */
  #runs = new Set();
  /** @type {string | null} The row that was chosen last: ranges begin at it. */
  anchor = null;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  get size() {
    return this.#runs.size;
  }

  /** @returns {number[]} */
  get runs() {
    return [...this.#runs];
  }

  /** @param {number[]} runs */
  hasAll(runs) {
    return runs.every((run) => this.#runs.has(run));
  }

  /** @param {number[]} runs */
  hasSome(runs) {
    return runs.some((run) => this.#runs.has(run));
  }

  /**
   * Select the runs of a row; let go of them where all are selected.
   * @param {number[]} runs
   * @param {string} row
   */
  toggle(runs, row) {
    const letGo = this.hasAll(runs);
    for (const run of runs) {
      if (letGo) this.#runs.delete(run);
      else this.#runs.add(run);
    }
    this.anchor = row;
    this.onChange();
  }

  /** @param {number[]} runs */
  add(runs) {
    for (const run of runs) this.#runs.add(run);
    this.onChange();
  }

  clear() {
    this.#runs.clear();
    this.anchor = null;
    this.onChange();
  }
}
