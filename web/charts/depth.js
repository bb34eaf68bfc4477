/** A statistic of all layers at one step, from the input to the output. */

/** @import { Cell, MomentChart, Network, Selection, ValueAxis, View } from "../types" */

import { number, real } from "../format.js";
import { layersOf } from "../layers.js";
import { isDrawable, linearAxis, logAxis } from "../scale.js";
import { armDash, select } from "./lines.js";

/** Pixels that a layer's name takes. */
const NAME_WIDTH = 76;
const LONGEST = 12;

/**
 * @param {{ id: string, title: string, hint: string, axis: string, statistic: string }} spec
 * @returns {MomentChart}
 */
function depthChart({ statistic, ...told }) {
  /**
   * @param {Pick<View, "networks">} view
   * @returns {{ network: Network, arm: number, place: number,
   *   selection: Omit<Selection, "statistics"> }[]}
   */
  const sources = ({ networks }) => {
    const names = layersOf(networks).map(({ name }) => name);
    return networks.flatMap((network, arm) => names.flatMap((name, place) => {
      const selection = select("layer_records", network, name, false);
      return selection ? [{ network, arm, place, selection }] : [];
    }));
  };
  return {
    ...told,
    log: true,
    lines: false,
    across: "layer, input to output",
    needs: (view) => sources(view).map(({ selection }) =>
      ({ ...selection, statistics: [statistic] })),
    draw(view, record, { width, height }) {
      const names = layersOf(view.networks).map(({ name }) => name);
      const values = view.networks.map(() => names.map(() => /** @type {number | null} */ (null)));
      let isThere = false;
      for (const { arm, place, selection } of sources(view)) {
        const found = record(selection);
        isThere ||= found !== undefined;
        values[arm][place] = real(found?.values[statistic]);
      }
      /** @param {number | null} value */
      const drawable = (value) => value !== null && isDrawable(value, view.log);
      /** @type {Cell} */
      const cell = { marks: [], note: null };
      values.forEach((of, arm) => {
        const known = of.flatMap((value, place) => value === null ? [] : [place]);
        const y = Float64Array.from(known, (place) => drawable(of[place]) ? Number(of[place]) : NaN);
        if (y.some((value) => !Number.isNaN(value))) {
          cell.marks.push({ kind: "line", arm, dash: armDash(arm), points: true, dense: false,
            x: Float64Array.from(known), y });
        }
        const odd = known.filter((place) => !drawable(of[place]));
        if (odd.length > 0) {
          cell.marks.push({ kind: "rug", arm, row: cell.marks.filter(({ kind }) =>
            kind === "rug").length, x: Float64Array.from(odd),
            text: odd.map((place) => `${names[place]} ${number(Number(of[place]))}`).join(", ") });
        }
      });
      if (cell.marks.length === 0 && isThere) {
        cell.note = view.growing ? "waiting for the first records" : "nothing was recorded";
      }
      const all = values.flat().filter((value) => value !== null && drawable(value)).map(Number);
      /** @type {[number, number] | null} */
      const extent = all.length > 0 ? [Math.min(...all), Math.max(...all)] : null;
      const ticks = Math.max(2, Math.round(height / 32));
      return { cell, log: view.log, x: layerAxis(names, width),
        y: (view.log ? logAxis : linearAxis)(extent, ticks),
        told: (x) => names[nearestPlace(x, names.length)],
        read(x) {
          const place = x === null ? null : nearestPlace(x, names.length);
          return view.networks.map(({ arm: name }, arm) => {
            /** @param {number | null | undefined} value */
            const said = (value) => value === null || value === undefined ? "–" : number(value);
            const known = values[arm].filter((value) => value !== null);
            const value = place !== null ? said(values[arm][place])
              : known.length === 0 ? "–" : `${said(known[0])} to ${said(known.at(-1))}`;
            return { arm, dash: armDash(arm), name, value };
          });
        } };
    },
  };
}

/**
 * @param {number} x
 * @param {number} count
 */
const nearestPlace = (x, count) => Math.max(0, Math.min(count - 1, Math.round(x)));

/**
 * @param {string[]} names
 * @param {number} width
 * @returns {ValueAxis}
 */
function layerAxis(names, width) {
  const every = Math.max(1, Math.ceil((names.length * NAME_WIDTH) / width));
  const values = names.map((_, at) => at).filter((at) => at % every === 0);
  return { range: [-0.5, Math.max(1, names.length) - 0.5], values,
    labels: values.map((at) => names[at].length > LONGEST ? `…${names[at].slice(1 - LONGEST)}`
      : names[at]) };
}

export const activationGradientByDepth = depthChart({
  id: "activation-gradient-by-depth",
  title: "Gradient at the preactivation, by depth",
  hint: "Norm of ∂loss/∂preactivation of every layer at the step. Falling towards the input: " +
    "vanishing; rising: exploding.",
  axis: "norm",
  statistic: "activation_grad_norm",
});

export const weightGradientByDepth = depthChart({
  id: "weight-gradient-by-depth",
  title: "Gradient of the weights, by depth",
  hint: "Norm of ∂loss/∂weight of every layer at the step. Level: all layers learn alike.",
  axis: "norm",
  statistic: "weight_grad_norm",
});
