/** Where a run goes from its page: beside others, into files, and as links to what is shown. */

/** @import { RunDetail } from "../types" */

import { exportUrl, reportUrl, verdictUrl, zipUrl } from "../asking/files.js";
import { getNumbers, getSystem } from "../asking/lists.js";
import { formatCompare, MOST_COMPARED, NOTHING_COMPARED } from "../comparing.js";
import { copy } from "../copying.js";
import { h, setText } from "../dom.js";
import { whole } from "../format.js";
import { recall, remember } from "../memory.js";

const FORMAT = "shiftscope.format";
/** Those that every server writes. */
const FORMATS = ["csv", "json"];
/** How long it is said that something was copied, in milliseconds. */
const SAID = 1500;
const LINK = "to this view, as it is now";
/** @type {[string, string][]} */
const TABLES = [
  ["layer_records", "every statistic of every layer"],
  ["network_records", "loss, accuracy and speed of every step"],
  ["evaluations", "test loss and accuracy"],
  ["probe_records", "shift of every layer on the fixed probe"],
  ["unit_records", "every unit on the fixed probe"],
];
/**
 * Tables around steps, each with the setting that asks for it.
 * @type {[string, string, "gradient_shift_every" | "landscape_every"][]}
 */
const AROUND_STEPS = [
  ["gradient_shift_records", "what each step did to the gradients of later layers",
    "gradient_shift_every"],
  ["landscape_records", "loss and gradient along the gradient", "landscape_every"],
];

/** @type {[string, string][]} */
const OF_RUNS = [
  ["findings", "what the rules found, with the evidence"],
  ["log_entries", "what happened to the run"],
  ["system_records", "CPU, memory and GPU of its processes"],
];

/**
 * The tables that a run can have, each with what is in it.
 * @param {RunDetail} detail
 * @returns {[string, string][]}
 */
function tablesOf({ source, experiment }) {
  if (source !== "experiment" && source !== "watch") {
    return [["measurements", "everything that was measured"], ...OF_RUNS];
  }
  const recording = /** @type {Record<string, unknown> | undefined} */ (experiment?.recording);
  const measured = AROUND_STEPS.filter(([, , every]) => typeof recording?.[every] === "number");
  return [...TABLES, ...measured.map(([table, about]) =>
    /** @type {[string, string]} */ ([table, about])),
  ...(experiment?.ensemble === true ? [/** @type {[string, string]} */ (
    ["ensemble_records", "test accuracy of each seed’s networks together"])] : []), ...OF_RUNS];
}

/** @param {RunDetail} detail */
export function exportMenu(detail) {
  const { id, source } = detail;
  const choice = h("select", { "aria-label": "Format" });
  const links = tablesOf(detail).map(([table, about]) => ({ table, about,
    link: h("a", { download: true }) }));
  const all = h("a", { download: true });

  /** @param {string[]} formats */
  function offer(formats) {
    const before = choice.value || recall(FORMAT) || "csv";
    const chosen = formats.includes(before) ? before : "csv";
    choice.replaceChildren(...formats.map((format) =>
      h("option", { value: format, selected: format === chosen }, format)));
    name();
  }

  function name() {
    const format = choice.value;
    for (const { table, about, link } of links) {
      link.href = exportUrl(id, table, format);
      link.replaceChildren(`${table}.${format}`, h("span", { class: "hint" }, about));
    }
    all.href = zipUrl(id, format);
  }

  all.append("zip", h("span", { class: "hint" }, "all tables, settings and verdict"));
  choice.addEventListener("change", () => {
    remember(FORMAT, choice.value);
    name();
  });
  offer(FORMATS);
  const verdict = source === "experiment" && h("a", { href: verdictUrl(id), download: true },
    "verdict.csv", h("span", { class: "hint" }, "each arm beside the reference"));
  const element = menu("Export", h("label", {}, "format ", choice),
    ...links.map(({ link }) => link), all, verdict);
  element.addEventListener("toggle", async () => {
    const system = element.open ? await getSystem().catch(() => null) : null;
    if (system) offer(system.formats);
  });
  return element;
}

/**
 * The comparison of a run: with those of its sweep, with those of its catalog entry, or to be added to.
 * Which runs these are is asked when the menu opens.
 * @param {RunDetail} detail
 */
export function compareMenu({ id, catalog_entry: entry, sweep_id: sweep }) {
  /** @param {number[]} runs */
  const address = (runs) => formatCompare({ ...NOTHING_COMPARED, runs });
  const others = [
    ...sweep !== null ? [["with the runs of its sweep", `sweep:${sweep}`]] : [],
    ...entry !== null ? [["with runs of the same catalog entry", `entry:"${entry}"`]] : [],
  ].map(([text, query]) => {
    const hint = h("span", { class: "hint" });
    return { query, hint, link: h("a", { hidden: true }, text, hint) };
  });
  const element = menu("Compare", ...others.map(({ link }) => link),
    h("a", { href: address([id]) }, "with others", h("span", { class: "hint" },
      "which are then added by number or query")));
  element.addEventListener("toggle", () => {
    if (!element.open) return;
    for (const { query, hint, link } of others) {
      getNumbers(query, "-run").then((found) => {
        const beside = found.filter((run) => run !== id);
        const runs = [id, ...beside.slice(0, MOST_COMPARED - 1)];
        link.hidden = beside.length === 0;
        link.href = address(runs.sort((a, b) => a - b));
        setText(hint, beside.length < MOST_COMPARED ? `${whole(runs.length)} runs`
          : `the newest ${MOST_COMPARED} of ${whole(beside.length + 1)} runs`);
      }).catch(() => {
        link.hidden = true;
      });
    }
  });
  return element;
}

/**
 * The address of what is shown, and a file that shows the run without a server.
 * @param {RunDetail} detail
 * @param {() => string} address Of what is in sight
 */
export function shareMenu({ id }, address) {
  const hint = h("span", { class: "hint", role: "status" }, LINK);
  const button = h("button", { type: "button", onclick: async () => {
    setText(hint, await copy(address()) ? "copied" : "this browser does not let us copy");
    window.setTimeout(() => setText(hint, LINK), SAID);
  } }, "Copy link", hint);
  return menu("Share", button, h("a", { href: reportUrl(id), download: true }, "report.html",
    h("span", { class: "hint" }, "verdict, charts and settings in one file")));
}

/**
 * @param {string} title
 * @param {...(Node | false)} items
 */
function menu(title, ...items) {
  const head = h("summary", { class: "button" }, title);
  const element = h("details", { class: "menu" }, head,
    h("ul", {}, ...items.filter((item) => item !== false).map((item) => h("li", {}, item))));
  element.addEventListener("focusout", ({ relatedTarget }) => {
    if (!element.contains(/** @type {Node | null} */ (relatedTarget))) element.open = false;
  });
  element.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape" || !element.open) return;
    element.open = false;
    head.focus();
  });
  element.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("a")) element.open = false;
  });
  return element;
}
