/** Which runs are selected, and from which one a range begins. Pure. */

export class Selection {
  /** @type {Set<number>} */
  #runs = new Set();
  /** @type {number | null} The run that was chosen last: ranges begin at it. */
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

  /** @param {number} run */
  has(run) {
    return this.#runs.has(run);
  }

  /** @param {number} run */
  toggle(run) {
    if (!this.#runs.delete(run)) this.#runs.add(run);
    this.anchor = run;
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
