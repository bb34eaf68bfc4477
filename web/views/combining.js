/** How several swept settings combine: every combination, or so many random draws. */

/** @import { Json, Swept } from "../types" */

import { h } from "../dom.js";

/**
 * @param {() => void} onChange
 * @returns {{ element: HTMLElement, show: (over: Swept[]) => void,
 *   read: () => { draws: Json, seed: Json } }}
 */
export function combining(onChange) {
  const how = h("select", { onchange: onChange },
    h("option", { value: "grid" }, "every combination"),
    h("option", { value: "draws" }, "random draws"));
  const draws = h("input", { type: "text", inputmode: "numeric", value: 20, class: "count",
    oninput: onChange });
  const seed = h("input", { type: "text", inputmode: "numeric", value: 0, class: "count",
    oninput: onChange });
  const [ofHow, ofDraws, ofSeed] = [h("label", {}, "Runs ", how), h("label", {}, "How many ", draws),
    h("label", { title: "Of what is drawn at random" }, "Random seed ", seed)];
  const element = h("div", { class: "combining", hidden: true }, ofHow, ofDraws, ofSeed);
  const isDrawn = () => how.value === "draws";
  return {
    element,
    show(over) {
      const isRandom = over.some((one) => "spread" in one && one.spread.endsWith("uniform"));
      ofHow.hidden = over.length < 2 && !isDrawn();
      ofDraws.hidden = !isDrawn();
      ofSeed.hidden = !isDrawn() && !isRandom;
      element.hidden = over.length === 0 || (ofHow.hidden && ofSeed.hidden);
    },
    read: () => ({ draws: isDrawn() ? whole(draws.value) : null, seed: whole(seed.value) }),
  };
}

/** What is no number goes to the server as it is, which says so. @param {string} text */
const whole = (text) => /^\d{1,15}$/.test(text.trim()) ? Number(text) : text;
