/** New: the catalog, and the form of the experiment that was chosen from it. */

/** @import { CatalogEntry, Experiment, Field, Mounted, Place, System } from "../types" */

import * as api from "../api.js";
import { withValue } from "../document.js";
import { h } from "../dom.js";
import { ExperimentForm } from "../form.js";
import { bytes, duration, speed } from "../format.js";
import { go } from "../location.js";
import { fields } from "../schema.js";
import { learnRuns, store } from "../state.js";
import { card, ownCard } from "./cards.js";

const VALIDATE_PAUSE = 300;

/**
 * @param {Extract<Place, { view: "new" }>} place
 * @returns {Mounted}
 */
export function newView(place) {
  const element = h("main", { class: "new" });
  const closing = new AbortController();
  show(element, place, closing.signal).catch((/** @type {Error} */ error) => {
    element.replaceChildren(h("p", { class: "notice bad", role: "alert" }, error.message));
  });
  return { element, title: "New", close: () => closing.abort() };
}

/**
 * @param {HTMLElement} element
 * @param {Extract<Place, { view: "new" }>} place
 * @param {AbortSignal} closing
 */
async function show(element, place, closing) {
  const [entries, schema, system, original] = await Promise.all([
    api.getCatalog(), api.getSchema(), api.getSystem(),
    place.again === null ? null : api.getRun(place.again),
  ]);
  if (closing.aborted) return;
  store.set({ system });
  if (place.entry === null && !original) {
    element.append(h("h1", {}, "New run"),
      h("p", { class: "lead" }, "Choose what to put to the test. Every setting can be changed " +
        "before it starts."),
      h("div", { class: "cards" }, ...entries.map(card), ownCard()));
    return;
  }
  const all = fields(schema);
  const name = original ? original.catalog_entry : place.entry;
  const entry = entries.find((candidate) => candidate.name === name) ?? null;
  if (!original && !entry && name !== "own") {
    throw new Error(`There is no experiment “${name}” in the catalog.`);
  }
  const origin = original?.experiment ?? entry?.experiment ?? defaults(all);
  const heading = original ? `Run #${original.id} again`
    : entry?.title ?? "An experiment of your own";
  const lead = original ? "The same settings; what you change is marked." : entry?.claim ?? "";
  element.append(h("h1", {}, heading), h("p", { class: "lead" }, lead),
    build(all, origin, entry, system, closing));
}

/**
 * @param {Field[]} all
 * @param {Experiment} origin
 * @param {CatalogEntry | null} entry
 * @param {System} system
 * @param {AbortSignal} closing
 */
function build(all, origin, entry, system, closing) {
  const name = entry?.name ?? null;
  const cost = h("dl", { class: "cost", "aria-live": "polite" });
  const failure = h("p", { class: "problem", role: "alert" });
  const start = h("button", { type: "submit", class: "primary" }, "Start");
  const form = new ExperimentForm(all, origin, () => check(VALIDATE_PAUSE));
  const { experiment, notice } = withDataset(origin, system);
  form.write(experiment);
  let timer = 0;
  let checking = new AbortController();

  /** @param {number} pause */
  function check(pause) {
    window.clearTimeout(timer);
    timer = window.setTimeout(async () => {
      checking.abort();
      const { signal } = (checking = new AbortController());
      try {
        const { estimate } = await api.validate(form.read(), name, signal);
        form.mark([]);
        cost.replaceChildren(...costRows(estimate));
        failure.textContent = "";
      } catch (error) {
        if (!signal.aborted) refuse(error);
      }
    }, pause);
  }

  /** @param {unknown} error */
  function refuse(error) {
    if (!(error instanceof api.ServerError)) throw error;
    form.mark(error.fields);
    failure.textContent = error.fields.length ? "" : error.message;
    cost.replaceChildren(h("dt", {}, "Time"), h("dd", {}, "–"),
      h("dd", { class: "basis" }, "Correct the marked settings to see an estimate."));
  }

  /** @param {SubmitEvent} event */
  async function submit(event) {
    event.preventDefault();
    start.disabled = true;
    try {
      const run = await api.createRun(form.read(), name);
      learnRuns([run]);
      go({ view: "run", run: run.id, tab: "overview", seed: null, range: null });
      window.scrollTo(0, 0);
    } catch (error) {
      refuse(error);
      form.focusProblem();
    } finally {
      start.disabled = false;
    }
  }

  closing.addEventListener("abort", () => {
    window.clearTimeout(timer);
    checking.abort();
  });
  check(0);
  return h("form", { novalidate: true, onsubmit: submit },
    notice && h("p", { class: "notice" }, notice),
    form.element,
    h("aside", { class: "start" }, cost, workerNotice(system), failure, start));
}

/** @param {import("../types").Estimate} estimate */
function costRows({ seconds, steps_per_second: rate, bytes: size, basis }) {
  return [
    h("dt", {}, "Time"), h("dd", { class: "figure" }, duration(seconds)),
    h("dd", {}, `${speed(rate)} · ${bytes(size)} on disk`),
    h("dd", { class: "basis" }, basis),
  ];
}

/** @param {System} system */
export function workerNotice({ workers }) {
  if (workers.length > 0) return null;
  return h("p", { class: "notice" }, "No worker is alive, so a run would wait in the queue. " +
    "Start one with ", h("code", {}, "shiftscope worker"), ".");
}

/**
 * The experiment with a dataset that can be had, and a sentence when that is another one.
 * @param {Experiment} experiment
 * @param {System} system
 */
export function withDataset(experiment, { datasets }) {
  const wanted = String(experiment.dataset);
  const state = datasets?.[wanted];
  const isFine = !state || state.available || !datasets?.digits?.available;
  if (isFine) return { experiment, notice: null };
  const name = `${String(experiment.name).slice(0, 70)} (digits)`;
  return {
    experiment: withValue(withValue(experiment, "dataset", "digits"), "name", name),
    notice: `${state.note} The form starts with digits instead.`,
  };
}

/**
 * @param {Field[]} all
 * @returns {Experiment}
 */
function defaults(all) {
  /** @type {Experiment} */
  let document = {};
  for (const { path, default: value } of all) document = withValue(document, path, value ?? null);
  return document;
}
