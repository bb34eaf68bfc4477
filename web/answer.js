/** The answer to a question that changes: asked once each time it is another; the last one counts. */

/** @template T */
export class Answer {
  /** @type {T | null} */
  value = null;
  /** Why there is none, where the server did not give it. */
  problem = "";
  #key = "";
  #asking = new AbortController();

  /**
   * What was answered before stays until the new answer is here.
   * @param {unknown} question What can be written as JSON
   * @param {(signal: AbortSignal) => Promise<T>} get
   * @returns {Promise<boolean>} Whether there is something new
   */
  async ask(question, get) {
    const key = JSON.stringify(question);
    if (key === this.#key) return false;
    this.#key = key;
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    try {
      const value = await get(signal);
      if (signal.aborted) return false;
      this.value = value;
      this.problem = "";
    } catch (error) {
      if (signal.aborted) return false;
      this.forget(); // so that it may be asked again
      this.problem = /** @type {Error} */ (error).message;
    }
    return true;
  }

  /** Wait for nothing, and have no answer. */
  forget() {
    this.#asking.abort();
    this.#key = "";
    this.value = null;
    this.problem = "";
  }
}
