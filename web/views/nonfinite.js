/** Where the numbers of each arm were first not finite: a line over the charts, with links there. */

/** @import { Network, Offender, Place } from "../types" */

import { getOffenders } from "../asking/records.js";
import { armDash } from "../charts/lines.js";
import { h, swatch } from "../dom.js";
import { evidencePlace } from "../evidence.js";
import { whole } from "../format.js";
import { format } from "../location.js";

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/** Milliseconds between two questions while a run trains. */
const PAUSE = 5000;
/** So many are told; the others follow when a person asks. */
const MOST = 3;
/** What a statistic is of. @type {Record<string, string>} */
const TENSORS = {
  weight_norm: "weights",
  nonfinite: "preactivation",
  loss: "loss",
  activation_grad_norm: "gradient at the preactivation",
  weight_grad_norm: "gradient of the weights",
  update_ratio: "update",
};

export class NonfiniteNotice {
  element = h("div", { class: "nonfinite", hidden: true });
  /** @type {Offender[]} */
  #offenders = [];
  #after = 0;
  #askedAt = -Infinity;
  #isAsking = false;
  #key = "";

  /**
   * @param {number} run
   * @param {(detail: string) => void} onError
   */
  constructor(run, onError) {
    this.run = run;
    this.onError = onError;
  }

  /**
   * Look at the steps since the last look, but not too often.
   * @param {number} latest The run's latest step
   * @param {() => void} onFound
   * @param {{ now?: boolean }} [options] `now`: something happened
   */
  async look(latest, onFound, { now = false } = {}) {
    if (this.#isAsking || latest <= this.#after) return;
    if (!now && performance.now() - this.#askedAt < PAUSE) return;
    this.#isAsking = true;
    this.#askedAt = performance.now();
    try {
      const { step, offenders } = await getOffenders(this.run, this.#after);
      const known = new Set(this.#offenders.map(({ network_id: id }) => id));
      const fresh = offenders.filter(({ network_id: id }) => !known.has(id));
      this.#offenders.push(...fresh);
      this.#after = step;
      if (fresh.length > 0) onFound();
    } catch (error) {
      this.onError(/** @type {Error} */ (error).message);
    } finally {
      this.#isAsking = false;
    }
  }

  /**
   * @param {Network[]} networks Those of one seed
   * @param {RunPlace} place
   */
  show(networks, place) {
    const key = JSON.stringify([networks.map(({ id }) => id), this.#offenders, place]);
    if (key === this.#key) return;
    this.#key = key;
    const lines = networks.flatMap(({ id, arm }, at) => {
      const one = this.#offenders.find(({ network_id: network }) => network === id);
      return one ? [line(one, arm, at, place)] : [];
    });
    const others = lines.splice(MOST);
    this.element.replaceChildren(h("p", {}, "First not finite"), h("ul", {}, ...lines));
    if (others.length > 0) {
      this.element.append(h("details", {},
        h("summary", {}, `${others.length} more`), h("ul", {}, ...others)));
    }
    this.element.hidden = lines.length === 0;
  }
}

/**
 * "none: layer hidden2, gradient of the weights, step 581", linked to its chart around that step.
 * @param {Offender} offender
 * @param {string} arm
 * @param {number} at
 * @param {RunPlace} place
 */
function line({ layer, statistic, step }, arm, at, place) {
  const tensor = TENSORS[statistic];
  const where = layer === null ? tensor : `layer ${layer}, ${tensor}`;
  const href = format(evidencePlace({ statistic, layer, first: step, last: step }, place));
  return h("li", {}, swatch(at, armDash(at)),
    h("a", { href }, `${arm}: ${where}, step ${whole(step)}`));
}
