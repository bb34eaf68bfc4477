/**
 * How the charts of a run are drawn: their horizontal axis, smoothing, differences, logarithmic
 * axes. What the address does not say is as it was chosen last, on any run.
 */

/** @import { AcrossUnit, Chart, Look } from "./types" */

import { UNITS } from "./across.js";
import { recall, remember } from "./memory.js";

/** @type {Look} */
export const AS_REMEMBERED = Object.freeze({ x: null, logX: null, smooth: null, difference: null,
  log: Object.freeze({}) });

/**
 * What an address says of it.
 * @param {URLSearchParams} query
 * @returns {Look}
 */
export function parseLook(query) {
  /** @param {string} name @param {boolean} value */
  const charts = (name, value) => (query.get(name) ?? "").split(",").filter(Boolean)
    .map((id) => [id, value]);
  return {
    x: unit(query.get("x")),
    logX: choice(query.get("scale"), "log", "linear"),
    smooth: halfLife(query.get("smooth")),
    difference: choice(query.get("difference"), "1", "0"),
    log: Object.fromEntries([...charts("log", true), ...charts("linear", false)]),
  };
}

/**
 * Put it into an address.
 * @param {Look} look
 * @param {URLSearchParams} query
 */
export function formatLook({ x, logX, smooth, difference, log }, query) {
  if (x !== null) query.set("x", x);
  if (logX !== null) query.set("scale", logX ? "log" : "linear");
  if (smooth !== null) query.set("smooth", String(smooth));
  if (difference !== null) query.set("difference", difference ? "1" : "0");
  for (const [name, value] of /** @type {const} */ ([["log", true], ["linear", false]])) {
    const charts = Object.keys(log).filter((id) => log[id] === value);
    if (charts.length > 0) query.set(name, charts.join(","));
  }
}

/**
 * All that is chosen, by the address, else as remembered, else as it is at first.
 * @param {Look} look
 * @returns {{ x: AcrossUnit, logX: boolean, smooth: number, difference: boolean }}
 */
export function chosenLook({ x, logX, smooth, difference }) {
  return {
    x: x ?? unit(recall("shiftscope.x")) ?? "step",
    logX: logX ?? recall("shiftscope.logX") === "true",
    smooth: smooth ?? halfLife(recall("shiftscope.smooth")) ?? 0,
    difference: difference ?? recall("shiftscope.difference") === "true",
  };
}

/**
 * Whether the vertical axis of a chart is logarithmic.
 * @param {Look} look
 * @param {Pick<Chart, "id" | "log">} chart
 */
export function isLog({ log: chosen }, { id, log }) {
  if (log === null) return false;
  return chosen[id] ?? (recall(`shiftscope.log.${id}`) ?? String(log)) === "true";
}

/**
 * Remember what was chosen, for other runs and later.
 * @param {Partial<Look>} change
 */
export function rememberLook({ log = {}, ...others }) {
  for (const [name, value] of Object.entries(others)) remember(`shiftscope.${name}`, String(value));
  for (const [id, value] of Object.entries(log)) remember(`shiftscope.log.${id}`, String(value));
}

/**
 * @param {string | null} text
 * @returns {AcrossUnit | null}
 */
const unit = (text) => UNITS.find((one) => one === text) ?? null;

/** @param {string | null} text Steps, 0 for none */
const halfLife = (text) => /^\d{1,8}$/.test(text ?? "") ? Number(text) : null;

/**
 * @param {string | null} text
 * @param {string} yes
 * @param {string} no
 */
const choice = (text, yes, no) => text === yes ? true : text === no ? false : null;
