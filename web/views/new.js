/** New: the catalog, and the form of the experiment that was chosen from it. */

/** @import { CatalogEntry, Experiment, Field, Mounted, Place, SweepAsked, System } from "../types" */
/** @import { SweepValidated } from "../types" */

import { createRun, createSweep, validate, validateSweep } from "../asking/changes.js";
import { getCatalog, getSchema, getStudySchema } from "../asking/lists.js";
import { getRun } from "../asking/records.js";
import { ServerError } from "../asking/request.js";
import { completed } from "../document.js";
import { h, setText } from "../dom.js";
import { ExperimentForm } from "../form.js";
import { bytes, duration, speed, whole } from "../format.js";
import { go, ofRun, ofSweep } from "../location.js";
import { fields } from "../schema.js";
import { learnRuns, store } from "../state.js";
import { datasetNote, followSystem, withDataset, workerNotice } from "../system.js";
import { catalogue } from "./cards.js";
import { combining } from "./combining.js";
import { importedNotAgain } from "./imported.js";
import { notAgain } from "./watched.js";

const VALIDATE_PAUSE = 300;

/**
 * @param {Extract<Place, { view: "new" }>} place
 * @returns {Mounted}
 */
export function newView(place) {
  const element = h("main", { class: "new" });
  const closing = new AbortController();
  show(element, place, closing.signal).catch((/** @type {Error} */ error) => {
    element.replaceChildren(h("h1", {}, "New run"),
      h("p", { class: "notice bad", role: "alert" }, error.message),
      h("p", {}, h("a", { href: "/new" }, "The catalog")));
  });
  return { element, title: "New", close: () => closing.abort() };
}

/**
 * @param {HTMLElement} element
 * @param {Extract<Place, { view: "new" }>} place
 * @param {AbortSignal} closing
 */
async function show(element, place, closing) {
  const [entries, original] = await Promise.all([
    getCatalog(), place.again === null ? null : getRun(place.again),
  ]);
  if (closing.aborted) return;
  if (place.entry === null && !original) {
    element.append(h("h1", {}, "New run"),
      h("p", { class: "lead" }, "Choose what to put to the test. Every setting can be changed " +
        "before it starts."),
      ...catalogue(entries));
    return;
  }
  if (original?.imported) throw new Error(importedNotAgain(original.id));
  if (original?.watched) throw new Error(notAgain(original.id, original.watched));
  const name = original ? original.catalog_entry : place.entry;
  const entry = entries.find((candidate) => candidate.name === name) ?? null;
  if (!original && !entry && name !== "own") {
    throw new Error(`There is no experiment “${name}” in the catalog.`);
  }
  const study = original ? original.study : entry?.study ?? null;
  const all = study ? studyFields(fields(await getStudySchema()), study)
    : fields(await getSchema());
  if (closing.aborted) return;
  const origin = completed(all, study ?? original?.experiment ?? entry?.experiment ?? {});
  const heading = original ? `Run #${original.id} again`
    : entry?.title ?? "An experiment of your own";
  const lead = original ? "The same settings; what you change is marked." : entry?.claim ?? "";
  element.append(h("h1", {}, heading), h("p", { class: "lead" }, lead),
    build(all, origin, entry, closing));
}

/**
 * What may be chosen of a study: which one it is the card says, and a dataset only where it has one.
 * @param {Field[]} all
 * @param {Experiment} study
 */
const studyFields = (all, study) => all
  .filter(({ path }) => path !== "study" && (path !== "dataset" || study.dataset !== null))
  .map((field) => ({ ...field, group: "Study" }));

/**
 * @param {Field[]} all
 * @param {Experiment} origin
 * @param {CatalogEntry | null} entry
 * @param {AbortSignal} closing
 */
function build(all, origin, entry, closing) {
  const name = entry?.name ?? null;
  const cost = h("dl", { class: "cost", "aria-live": "polite" });
  const failure = h("p", { class: "problem", role: "alert" });
  const start = h("button", { type: "submit", class: "primary changes" }, "Start");
  const changed = () => check(VALIDATE_PAUSE);
  const form = new ExperimentForm(all, origin, changed, { sweeps: origin.study === undefined });
  const combined = combining(changed);
  const instead = h("p", { class: "notice", hidden: true });
  const alone = h("div", {});
  const data = h("p", { class: "hint", "aria-live": "polite" });
  let timer = 0;
  let checking = new AbortController();

  /** @param {number} pause */
  function check(pause) {
    window.clearTimeout(timer);
    setText(data, datasetNote(form.read(), store.get().system));
    timer = window.setTimeout(async () => {
      checking.abort();
      const { signal } = (checking = new AbortController());
      const sweep = asSweep();
      combined.show(sweep?.over ?? []);
      try {
        if (sweep) {
          const found = await validateSweep(sweep, signal);
          form.mark([]);
          tell(found);
          cost.replaceChildren(...sizeRows(found), ...costRows(found.estimate));
        } else {
          const { estimate } = await validate(form.read(), name, signal);
          form.mark([]);
          cost.replaceChildren(...costRows(estimate));
        }
        setText(start, sweep ? "Start all" : "Start");
        failure.textContent = "";
      } catch (error) {
        if (!signal.aborted) refuse(error);
      }
    }, pause);
  }

  /** What is asked, where a setting has several values. @returns {SweepAsked | null} */
  function asSweep() {
    const over = form.readOver();
    return over.length === 0 ? null
      : { experiment: form.read(), catalog_entry: name, over, ...combined.read() };
  }

  /** Say the values of each swept setting beside it. @param {SweepValidated} found */
  function tell({ settings, values }) {
    settings.forEach((path, at) => {
      const texts = new Set(values.map((row) => JSON.stringify(row[at])));
      form.tell(path, [...texts].map((text) => JSON.parse(text)));
    });
  }

  /** @param {unknown} error */
  function refuse(error) {
    if (!(error instanceof ServerError)) throw error;
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
      const sweep = asSweep();
      if (sweep) go(ofSweep((await createSweep(sweep)).sweep.id));
      else {
        const run = await createRun(form.read(), name);
        learnRuns([run]);
        go(ofRun(run.id));
      }
      window.scrollTo(0, 0);
    } catch (error) {
      refuse(error);
      form.focusProblem();
    } finally {
      start.disabled = false;
    }
  }

  /** @param {System | null} system */
  function showSystem(system) {
    alone.replaceChildren(workerNotice(system) ?? "");
    setText(data, datasetNote(form.read(), system));
    const { experiment, why } = withDataset(form.read(), system);
    if (why === null || !instead.hidden) return; // what was offered once is the person's choice
    form.write(experiment);
    setText(instead, `${why} The form starts with digits instead.`);
    instead.hidden = false;
    check(0);
  }

  const unsubscribe = store.subscribe((now, before) => {
    if (now.system !== before.system || now === before) showSystem(now.system);
  });
  closing.addEventListener("abort", () => {
    window.clearTimeout(timer);
    checking.abort();
    unsubscribe();
  });
  followSystem(closing);
  check(0);
  return h("form", { novalidate: true, onsubmit: submit },
    instead, form.element, h("aside", { class: "start" }, combined.element, cost, data, alone, failure, start));
}

/** @param {SweepValidated} sweep */
const sizeRows = ({ runs, networks }) => [h("dt", {}, "Sweep"), h("dd", { class: "size" },
  `${whole(runs)} ${runs === 1 ? "run" : "runs"}, ${whole(networks)} networks`)];

/** @param {import("../types").Estimate} estimate */
function costRows({ seconds, steps_per_second: rate, bytes: size, basis }) {
  return [
    h("dt", {}, "Time"), h("dd", { class: "figure" }, duration(seconds ?? NaN)),
    ...(rate !== null && size !== null
      ? [h("dd", {}, `${speed(rate)} · ${bytes(size)} on disk`)] : []),
    h("dd", { class: "basis" }, basis),
  ];
}
