/** The View menu: how the charts are drawn, and in words what differs from the plain view. */

/** @import { AcrossUnit } from "../types" */
/** @import { Deck } from "./deck.js" */

import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { HALF_LIVES } from "../smoothing.js";
import { popup } from "./popup.js";

/** @param {Deck} deck */
export function viewMenu({ looks }) {
  const words = h("span", { class: "look" });
  const button = h("button", { type: "button", "aria-keyshortcuts": "v" }, "View");
  popup(button, "View of all charts", () => [axis(), smoothing(), difference()]);

  function axis() {
    const { x, logX } = looks.chosen;
    const unit = h("select", { onchange: () =>
      looks.choose({ x: /** @type {AcrossUnit} */ (unit.value) }) },
      ...looks.units.map((name) => h("option", { selected: name === x }, name)));
    const log = h("input", { type: "checkbox", checked: logX,
      onchange: () => looks.choose({ logX: log.checked }) });
    return h("fieldset", {}, h("legend", {}, "Horizontal axis"),
      h("label", {}, "Counts ", unit), h("label", {}, log, " Logarithmic"),
      h("p", { class: "hint" }, "A logarithmic axis begins with step 1."));
  }

  function smoothing() {
    const { smooth } = looks.chosen;
    const lives = [...new Set([0, ...HALF_LIVES, smooth])].sort((a, b) => a - b);
    const select = h("select", { onchange: () => looks.choose({ smooth: Number(select.value) }) },
      ...lives.map((life) => h("option", { value: life, selected: life === smooth },
        life === 0 ? "off" : `${whole(life)} steps`)));
    return h("fieldset", {}, h("legend", {}, "Smoothing"), h("label", {}, "Half-life ", select),
      h("p", { class: "hint" }, "A moving average of lines, in which a record so many steps back " +
        "counts half. What was recorded stays visible, faint, and is what the numbers say. " +
        "Where many steps share a point, the middle of their extremes is averaged: zoom in for " +
        "each."));
  }

  function difference() {
    const [reference, ...others] = looks.networks;
    if (others.length === 0) return null;
    const box = h("input", { type: "checkbox", checked: looks.chosen.difference,
      onchange: () => looks.choose({ difference: box.checked }) });
    return h("fieldset", {}, h("legend", {}, "Difference"),
      h("label", {}, box, ` Arms minus ${reference.arm}`),
      h("p", { class: "hint" }, "Of lines, at steps that both have. Where many steps share a " +
        "point, it is the least and the most that the difference can be: zoom in for each."));
  }

  function refresh() {
    const { x, logX, smooth, difference: subtracts } = looks.chosen;
    setText(words, [
      x !== "step" || logX ? `over ${x}${logX ? ", log" : ""}` : "",
      smooth > 0 ? `smoothed, half-life ${whole(smooth)} steps` : "",
      subtracts ? `minus ${looks.networks[0].arm}` : "",
    ].filter(Boolean).join(" · "));
  }

  refresh();
  return { element: h("div", { class: "view-menu" }, words, button), refresh };
}
