/** One run in the list; its parts are updated in place while it runs. */

/** @import { Run } from "../types" */

import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { age, exact, percent, real, speed } from "../format.js";
import { progressBar, statusWord } from "./status.js";

/** So many arms are listed; of more the first ones, and how many there are. */
const LISTED = 6;

/** @param {Run} run */
const whatOf = ({ source, dataset }) => source === "watch" ? "watched"
  : source === "import" ? "imported"
  : source === "study" ? `study${dataset === null ? "" : ` · ${dataset}`}` : dataset;

export class RunRow {
  #status = h("span", { class: "status" });
  #name = h("a", { class: "name" });
  #dataset = h("span", { class: "dataset" });
  #arms = h("span", { class: "arms" });
  #progress = progressBar();
  #speed = h("span", { class: "number" });
  #device = h("span", { class: "device" });
  #age = h("time", {});

  /** @param {Run} run */
  constructor(run) {
    this.run = run;
    this.#name.href = `/runs/${run.id}`;
    this.#age.dateTime = run.created_at;
    this.#age.title = exact(run.created_at);
    this.element = h("li", { class: "run-row", "data-run": run.id },
      h("span", { class: "id" }, `#${run.id}`), this.#status,
      h("span", { class: "what" }, this.#name, this.#dataset),
      this.#arms, h("span", {}, this.#progress.element, this.#progress.words),
      this.#speed, this.#device, this.#age);
    this.show(run);
    this.showAge();
  }

  /** @param {Run} run */
  show(run) {
    this.run = run;
    statusWord(this.#status, run);
    setText(this.#name, run.name);
    const seeds = run.seeds.length > 1 ? ` · ${run.seeds.length} seeds` : "";
    setText(this.#dataset, run.error ?? run.phase ?? `${whatOf(run)}${seeds}`);
    this.#dataset.classList.toggle("bad", run.error !== null);
    this.#showArms();
    this.#progress.show(run);
    const rate = real(run.steps_per_second);
    setText(this.#speed, rate === null ? "" : speed(rate));
    setText(this.#device, run.device ?? "");
  }

  #showArms() {
    const { arms: all, summary } = this.run;
    const arms = all.length > LISTED ? all.slice(0, LISTED - 1) : all;
    while (this.#arms.children.length < arms.length) {
      const arm = this.#arms.children.length;
      this.#arms.append(h("span", { class: "arm" }, swatch(arm, armDash(arm)),
        h("span", { class: "name" }, arms[arm]), h("span", { class: "number" }),
        h("span", { class: "best" })));
    }
    arms.forEach((arm, at) => {
      const [, , last, best] = this.#arms.children[at].children;
      const found = summary[arm];
      setText(last, found ? percent(Number(found.last_accuracy)) : "–");
      setText(best, found ? `(${percent(Number(found.best_accuracy))})` : "");
    });
    if (arms.length < all.length && this.#arms.children.length === arms.length) {
      this.#arms.append(h("span", { class: "more" }, `and ${all.length - arms.length} more arms`));
    }
  }

  showAge() {
    setText(this.#age, age(this.run.created_at));
  }
}
