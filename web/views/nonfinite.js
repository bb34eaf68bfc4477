/**
 * Where the numbers of each arm were first not finite, and which were frozen: a line under the facts
 * of a run, with links there. It has its place before there is anything to say, so that nothing moves.
 */

/** @import { Network, Offender, Place } from "../types" */

import { getOffenders } from "../asking/records.js";
import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { evidencePlace } from "../evidence.js";
import { whole } from "../format.js";
import { format } from "../location.js";

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/** Milliseconds between two questions while a run trains. */
const PAUSE = 5000;
/** So many are told; the others follow when a person asks. */
const MOST = 2;
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
  element = h("div", { class: "nonfinite", role: "status",
    title: "Of the loss, and of every layer’s preactivations, gradients, weights and updates" });
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
      const isFirst = this.#after === 0;
      this.#after = step;
      if (fresh.length > 0 || isFirst) onFound();
    } catch (error) {
      this.onError(/** @type {Error} */ (error).message);
    } finally {
      this.#isAsking = false;
    }
  }

  /**
   * @param {Network[]} networks Of all seeds
   * @param {number} seed Whose are shown
   * @param {boolean} growing Whether more records may come
   * @param {RunPlace} place
   */
  show(networks, seed, growing, place) {
    const key = JSON.stringify([networks.map(({ id, frozen_step: frozen }) => [id, frozen]),
      this.#offenders, this.#after > 0, seed, growing, place]);
    if (key === this.#key) return;
    this.#key = key;
    const own = networks.filter((network) => network.seed === seed);
    const lines = own.flatMap((network, at) => {
      const one = this.#offenderOf(network);
      return one ? [line(one, network, at, place)] : [];
    });
    const others = lines.splice(MOST);
    const words = elsewhere(networks, seed);
    if (lines.length > 0) {
      this.element.replaceChildren(h("span", {}, "First not finite"), h("ul", {}, ...lines));
      if (others.length > 0) {
        this.element.append(h("details", {},
          h("summary", {}, `${others.length} more`), h("ul", {}, ...others)));
      }
      if (words) this.element.append(h("span", {}, words));
    } else if (words) setText(this.element, words);
    else setText(this.element, this.#after === 0 ? "" : `No NaN or infinity${growing ? " so far" : ""}`);
  }

  /**
   * Of a network that was frozen the loss, as long as nothing earlier is known.
   * @param {Network} network
   * @returns {Pick<Offender, "layer" | "statistic" | "step"> | undefined}
   */
  #offenderOf({ id, diverged_step: step }) {
    return this.#offenders.find(({ network_id: network }) => network === id)
      ?? (step === null ? undefined : { layer: null, statistic: "loss", step });
  }
}

/**
 * "none: layer hidden2, gradient of the weights, step 581", linked to its chart around that step.
 * @param {Pick<Offender, "layer" | "statistic" | "step">} offender
 * @param {Network} network
 * @param {number} at
 * @param {RunPlace} place
 */
function line({ layer, statistic, step }, { arm, frozen_step: frozen }, at, place) {
  const tensor = TENSORS[statistic];
  const where = layer === null ? tensor : `layer ${layer}, ${tensor}`;
  const href = format(evidencePlace({ statistic, layer, first: step, last: step }, place));
  return h("li", {}, swatch(at, armDash(at)),
    h("a", { href }, `${arm}: ${where}, step ${whole(step)}`),
    frozen !== null && h("span", { title: "Its loss stayed not finite, so it trains no more" },
      `, frozen after step ${whole(frozen)}`));
}

/**
 * What there is to say of the networks of other seeds.
 * @param {Network[]} networks
 * @param {number} seed
 */
function elsewhere(networks, seed) {
  const frozen = networks.filter(({ frozen_step: step }) => step !== null);
  if (networks.length > 0 && frozen.length === networks.length) {
    return "Every network diverged, so there was nothing left to train.";
  }
  const others = frozen.filter((network) => network.seed !== seed).length;
  return others === 0 ? "" : `Of other seeds ${others} diverged.`;
}
