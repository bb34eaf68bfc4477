/** The line above the charts: tabs, seed, and the steps in sight. */

/** @import { StepsInSight } from "./steps_in_sight.js" */
/** @import { Network, Place } from "../types" */

import { armDash } from "../charts/lines.js";
import { h, setText, swatch } from "../dom.js";
import { steps } from "../format.js";
import { format } from "../location.js";

/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/**
 * Tabs and tools in one line, which stays in sight; where they do not fit into it they take two,
 * which do not.
 * @param {HTMLElement} tabs
 * @param {HTMLElement} tools
 */
export function tabLine(tabs, tools) {
  const element = h("div", { class: "tab-line" }, tabs, tools);
  const observer = new ResizeObserver(() =>
    element.classList.toggle("wrapped", tools.offsetTop > tabs.offsetTop));
  for (const one of [element, tools]) observer.observe(one);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {{ id: string, title: string }[]} tabs
 * @param {string} current
 * @param {RunPlace} place
 */
export function tabLinks(element, tabs, current, place) {
  while (element.children.length < tabs.length) element.append(h("a", {}));
  tabs.forEach(({ id, title }, at) => {
    const link = /** @type {HTMLAnchorElement} */ (element.children[at]);
    link.href = format({ ...place, tab: id, chart: null });
    link.setAttribute("aria-keyshortcuts", String(at + 1));
    setText(link, title);
    const isNew = id === current && !link.hasAttribute("aria-current");
    if (id === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    if (isNew) element.scrollTo({ left: link.offsetLeft - element.clientWidth / 2 });
  });
}

/**
 * The arms' colours and dashes, the same in every chart.
 * @param {Network[]} networks Those of one seed
 */
export function legend(networks) {
  return h("div", { class: "legend" }, ...networks.map(({ arm }, at) =>
    h("span", {}, swatch(at, armDash(at)), arm)));
}

/**
 * @param {number[]} seeds
 * @param {number} current
 * @param {(seed: number) => void} onChoose
 */
export function seedChoice(seeds, current, onChoose) {
  const select = h("select", { onchange: () => onChoose(Number(select.value)) },
    ...seeds.map((seed) => h("option", { value: seed, selected: seed === current }, seed)));
  return h("label", { class: "seed" }, "Seed ", select);
}

/**
 * Which steps the charts show, and buttons to change that.
 * @param {StepsInSight} sight
 * @param {number} [end] The last step that there will be
 */
export function rangeBar(sight, end = 0) {
  const words = h("span", { class: "words" });
  /**
   * @param {string} text
   * @param {string} title
   * @param {string} keys
   * @param {() => void} onclick
   */
  const button = (text, title, keys, onclick) => h("button", { type: "button",
    "aria-label": title, title, "aria-keyshortcuts": keys, onclick }, text);
  const earlier = button("←", "Earlier steps", "[", () => sight.nudge({ move: -0.5 }));
  const later = button("→", "Later steps", "]", () => sight.nudge({ move: 0.5 }));
  const closer = button("+", "Zoom in", "+", () => sight.nudge({ scale: 0.5 }));
  const wider = button("−", "Zoom out", "-", () => sight.nudge({ scale: 2 }));
  const all = button("All steps", "All steps", "0", () => sight.choose(null));
  const element = h("div", { class: "range",
    title: "Drag across a chart to zoom, with Shift to pan; double-click shows all steps" },
    words, earlier, later, wider, closer, all);
  function refresh() {
    const [first, last] = sight.range;
    // Room for the last step, so that nothing moves on the way there; commas are narrower than digits.
    words.style.minWidth = `${steps(0, Math.max(end, sight.latest)).length - 1}ch`;
    setText(words, steps(first, last));
    for (const one of [earlier, later, wider, all]) one.disabled = sight.chosen === null;
  }
  return { element, refresh };
}
