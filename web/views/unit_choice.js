/** The paper's Figure 1 b and c: one unit's percentiles, the choice of the unit, and all units. */

/** @import { Parts } from "./tabs.js" */

import { unit as chart } from "../charts/unit.js";
import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { redraw } from "../redraw.js";
import { unitHeatMap } from "./heat_maps.js";

const HEIGHT = 228;

/** @param {Parts} parts The deck's `units` are what is drawn */
export function unitChoice(parts) {
  const { deck } = parts;
  const { units, networks } = deck;
  const panel = deck.add(chart, { layer: units?.layer ?? null, rowHeight: HEIGHT });
  const all = unitHeatMap(parts);
  const names = [...new Set(networks.flatMap(({ layers }) => layers.map(({ name }) => name)))];
  const layer = h("select", {}, ...names.map((name) =>
    h("option", { value: name, selected: name === units?.layer }, name)));
  const unit = h("input", { type: "number", min: 0, step: 1 });
  const typical = h("button", { type: "button" }, "Typical");
  const words = h("p", { class: "hint" });
  /** @type {number | null} */
  let shown = null;
  /** @param {number | null} chosen */
  const look = (chosen) => deck.chooseUnit({ layer: layer.value, unit: chosen });
  layer.addEventListener("change", () => look(null));
  unit.addEventListener("change", () => {
    const most = Math.max(0, (units?.answer?.units ?? 1) - 1);
    if (unit.value !== "") {
      unit.value = String(Math.min(most, Math.max(0, Math.round(Number(unit.value)))));
    }
    look(unit.value === "" ? null : Number(unit.value));
  });
  typical.addEventListener("click", () => look(null));
  deck.onUnits = () => {
    const answer = units?.answer;
    if (!answer) return;
    panel.turn(answer.layer);
    all.panel.turn(answer.layer);
    redraw(all.panel, { now: true });
    layer.value = answer.layer;
    unit.max = String(answer.units - 1);
    // What is being typed stays, unless another unit came meanwhile.
    if (answer.unit !== shown || document.activeElement !== unit) {
      unit.value = answer.unit === null ? "" : String(answer.unit);
    }
    shown = answer.unit;
    typical.disabled = units.unit === null;
    setText(words, sentence(answer.unit, answer.typical, answer.units, networks[0]?.arm ?? ""));
  };
  return h("section", { class: "unit-choice" },
    h("div", { class: "section-line" }, h("label", {}, "layer ", layer),
      h("label", {}, "unit ", unit), typical, words), panel.element, all.element);
}

/**
 * @param {number | null} unit
 * @param {number | null} typical
 * @param {number} units
 * @param {string} reference
 */
function sentence(unit, typical, units, reference) {
  if (typical === null) return "The probe has not been looked at yet.";
  const what = `of ${whole(units)} units, the one whose median moved as far in all as the median ` +
    `unit’s in ${reference}`;
  return unit === typical ? `The typical unit: ${what}.`
    : `Chosen. The typical one is unit ${typical}: ${what}.`;
}
