/**
 * A run's verdict: the sentence, and apart from it each arm in numbers and what the run says of its
 * claims, which grow while it trains: below the charts, they move nothing.
 */

/** @import { Comparison, Outcome, OverSeeds, Ratio, Verdict } from "../types" */

import { getVerdict } from "../asking/records.js";
import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { number, percent, real, whole } from "../format.js";
import { table } from "./tables.js";

/** Of more arms than these the sentence says only what they come to as a whole. */
const SAID = 6;
const NOTHING = { run: 0, step: 0, ended: false, criterion: null, target: null, fallback: false,
  comparisons: [], outcomes: [] };

export class VerdictView {
  #run;
  #asked = "";
  /** @type {number | null} */
  #target = null;
  #busy = false;
  #sentence = h("p", { class: "sentence", role: "status" });
  #numbers = h("div", { class: "numbers", role: "region", tabindex: 0,
    "aria-label": "The numbers of the verdict" });
  #criterion = h("p", { class: "hint" });
  #input = h("input", { type: "number", min: 0.1, max: 100, step: "any", "aria-label": "Target, %" });
  #claims = h("ul", { class: "claims" });

  /**
   * @param {number} run
   * @param {((target: number | null) => void) | null} onTarget Told another target, null where the
   *   verdict is to choose; without it there is none: a study has claims alone
   * @param {number} [arms] How many the sentence speaks of
   */
  constructor(run, onTarget, arms = 0) {
    this.#run = run;
    const about = onTarget && h("div", {}, this.#numbers, this.#criterion,
      h("label", { class: "hint" }, "Another target: ", this.#input, " %"));
    const rest = h("div", { class: "rest" }, about, this.#claims);
    this.element = h("section", { class: "verdict", "aria-label": "Verdict", "aria-busy": "true" },
      onTarget ? this.#sentence : rest);
    /** What the sentence rests on; a study has no sentence. */
    this.details = h("section", { class: "verdict", "aria-label": "Verdict in detail" },
      onTarget && rest);
    // Room for what will be said, so that the charts stay where they are when it is.
    this.#sentence.style.setProperty("--parts", String(arms > SAID ? 1 : Math.max(1, arms - 1)));
    this.#input.addEventListener("change", () => {
      const { value } = this.#input;
      if (this.#input.reportValidity()) onTarget?.(value ? Number((Number(value) / 100).toFixed(6)) : null);
    });
  }

  /**
   * Ask for the verdict, once for each state of what it rests on.
   * @param {string} state
   * @param {number | null} target
   */
  async show(state, target) {
    if (state === this.#asked) return;
    this.#asked = state;
    this.#target = target;
    if (this.#busy) return; // the answer under way asks again
    this.#busy = true;
    for (let answered = ""; answered !== this.#asked;) {
      answered = this.#asked;
      try {
        this.#draw(await getVerdict(this.#run, this.#target));
      } catch (error) {
        this.#draw({ ...NOTHING, sentence: /** @type {Error} */ (error).message });
      }
    }
    this.#busy = false;
  }

  /** @param {Verdict} verdict */
  #draw(verdict) {
    this.element.removeAttribute("aria-busy");
    setText(this.#sentence, verdict.sentence);
    setText(this.#criterion, verdict.criterion ?? "");
    this.#numbers.replaceChildren(...(verdict.comparisons.length ? [numbers(verdict)] : []));
    this.#claims.replaceChildren(...verdict.outcomes.map(claim));
    if (document.activeElement === this.#input) return;
    this.#input.placeholder = verdict.target === null ? "" : rounded(verdict.target);
    this.#input.value = this.#target === null ? "" : inPercent(this.#target);
  }
}

/** @param {number} share */
const inPercent = (share) => String(Number((100 * share).toFixed(4)));

/** @param {number} share */
const rounded = (share) => String(Number((100 * share).toFixed(2)));

/** @param {Verdict} verdict */
function numbers({ comparisons, target, ended }) {
  const names = ["Arm", `Steps to ${rounded(target ?? NaN)} %`, "Times sooner",
    "Last accuracy", "Difference, points", "Best accuracy", "Not finite from step"];
  return table(names, comparisons.map((arm, at) => h("tr", {},
    h("th", { scope: "row" }, swatch(at, armDash(at)), arm.arm),
    h("td", {}, stepsTo(arm, ended)),
    h("td", {}, ...(at === 0 ? ["reference"] : times(arm.ratio))),
    h("td", {}, share(arm.last_accuracy)),
    h("td", {}, ...(at === 0 ? ["reference"] : points(arm.difference))),
    h("td", {}, share(arm.best_accuracy)),
    h("td", {}, arm.first_nonfinite_step === null ? "–" : whole(arm.first_nonfinite_step)))));
}

/**
 * @param {Comparison} arm
 * @param {boolean} ended
 */
function stepsTo({ steps_to_target: steps, seeds, reached }, ended) {
  const count = real(steps);
  if (count !== null) return whole(count);
  if (reached > 0) return `${reached} of ${seeds} seeds`;
  return seeds > 0 && ended ? "never" : "–";
}

/** @param {Ratio | null} ratio */
function times(ratio) {
  if (!ratio) return ["–"];
  if (ratio.estimate) return overSeeds(ratio.estimate, (value) => number(value));
  const [least, most] = [Number(ratio.at_least), Number(ratio.at_most)];
  if (least > 0) return [`≥ ${number(least)}`];
  return [Number.isFinite(most) ? `≤ ${number(most)}` : "–"];
}

/** @param {OverSeeds | null} difference */
function points(difference) {
  if (!difference) return ["–"];
  return overSeeds(difference, (value) => `${value > 0 ? "+" : ""}${(100 * value).toFixed(1)}`
    .replace("-", "−"));
}

/**
 * A number with its interval.
 * @param {OverSeeds} found
 * @param {(value: number) => string} format
 */
function overSeeds({ value, low, high }, format) {
  const [from, to] = [real(low), real(high)];
  const interval = from !== null && to !== null && `${format(from)} to ${format(to)}`;
  return [format(Number(value)), interval && h("span", { class: "hint" }, `(${interval})`)];
}

/** @param {Comparison["last_accuracy"]} accuracy */
const share = (accuracy) => accuracy === null ? "–" : percent(Number(accuracy));

/** @param {Outcome} outcome */
function claim({ claim: { number: name, statement, criterion, source, expected }, result, reason }) {
  const isOdd = result.endsWith("reproduced") && result !== expected;
  return h("li", {},
    h("p", {}, h("strong", {}, `${name} ${result}`),
      `${isOdd ? ` (expected: ${expected})` : ""}: ${reason}`),
    h("p", { class: "hint" }, `${statement} ${source}. Criterion: ${criterion}`));
}
