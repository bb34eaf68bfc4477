/** What the pair comes to, in large figures: each arm's test accuracy. */

/** @import { Run } from "../types" */

import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { percent } from "../format.js";

/** @param {Run} run */
export function figuresOf(run) {
  const parts = run.arms.map((arm, at) => {
    const last = h("dd", { class: "figure" });
    const best = h("dd", { class: "hint" });
    const name = h("dt", {}, swatch(at, armDash(at)), arm);
    return { arm, last, best, element: h("div", {}, name, last, best) };
  });
  const of = run.seeds.length > 1 ? `, mean of ${run.seeds.length} seeds` : "";
  const element = h("dl", { class: "figures" }, ...parts.map((part) => part.element));
  /** @param {Run} now */
  function show({ summary }) {
    for (const { arm, last, best } of parts) {
      const found = summary[arm];
      setText(last, found ? percent(Number(found.last_accuracy)) : "–");
      setText(best, found
        ? `test accuracy${of}; best ${percent(Number(found.best_accuracy))}` : "test accuracy");
    }
  }
  show(run);
  return { element, show };
}
