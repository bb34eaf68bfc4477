/** Compare: any runs beside each other, their means over seeds, and where their settings differ. */

/** @import { ComparePlace, Compared, Field, Mounted, Place } from "../types" */
/** @import { Source } from "./point_chart.js" */

import { networksUrl } from "../asking/files.js";
import { getSchema } from "../asking/lists.js";
import { getComparison } from "../asking/records.js";
import { ServerError } from "../asking/request.js";
import { CHARTS, OF_LAYER, STATISTIC_GROUPS, layerChart,
  usualLayer } from "../charts/compare_charts.js";
import { MANY } from "../charts/compare_lines.js";
import { numeric, OUTCOMES, scatter } from "../charts/compare_outcomes.js";
import { comparedRuns, formatCompare } from "../comparing.js";
import { h, setText } from "../dom.js";
import { clip, go } from "../location.js";
import { fields } from "../schema.js";
import { store } from "../state.js";
import { ownFormula } from "./chart_menu.js";
import { CompareFigure } from "./compare_chart.js";
import { fillChoices, settingOptions } from "./compare_choices.js";
import { CompareHeader } from "./compare_header.js";
import { fieldOf, outcomesTable, settingsTable } from "./compare_tables.js";
import { QuantityChart } from "./quantity_chart.js";
import { StepsInSight } from "./steps_in_sight.js";
import { section } from "./tables.js";
import { rangeBar } from "./toolbar.js";

/** How often runs that go on are asked for again, in milliseconds. */
const EVERY = 5000;
const USUAL_SETTING = "optimizer.lr";
/** How the address names the chart of a setting against an outcome. */
const SCATTER = "outcome";

/**
 * @param {ComparePlace} place
 * @returns {Mounted}
 */
export function compareView(place) {
  const page = new ComparePage(place);
  return { element: page.element, title: "Compare", close: () => page.close(),
    update: (/** @type {Place} */ to) => page.show(/** @type {ComparePlace} */ (to)) };
}

class ComparePage {
  element = h("main", { class: "compare" });
  /** @type {Compared | null} */
  #compared = null;
  /** @type {Field[]} */
  #fields = [];
  #asked = "";
  #asking = new AbortController();
  #timer = 0;
  #drawnOutcomes = "";
  #drawnScatter = "";
  /** @param {Partial<ComparePlace>} changes */
  #choose = (changes) => go({ ...this.place, ...changes });
  #header = new CompareHeader(this.#choose);
  #sight = new StepsInSight((range) => go({ ...this.place, range }, { replace: true }));
  #rangeBar = rangeBar(this.#sight);
  #problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  #empty = h("section", { class: "empty-state", hidden: true }, h("p", {},
    "Put runs beside each other: add them above by number or query, or select them in the ",
    h("a", { href: "/" }, "list of runs"), "."));
  #notes = h("div", { role: "status" });
  #outcomes = h("div", { class: "scroll" });
  #criterion = h("p", { class: "hint" });
  #target = h("input", { type: "number", min: 0.1, max: 100, step: "any", "aria-label": "Target, %" });
  #clear = h("button", { type: "button", hidden: true,
    onclick: () => this.#choose({ lines: [] }) }, "Choose none");
  #layerChoices = h("span", {});
  #figures;
  #settings = h("div", {});
  #scatterChoices = h("p", { class: "section-line" });
  #scatter = h("div", {});
  /** @type {QuantityChart | null} */
  #scatterChart = null;
  #body;

  /** @param {ComparePlace} place */
  constructor(place) {
    this.place = place;
    this.#figures = [...CHARTS.map(() => new CompareFigure(this.#sight, this.#choose)),
      new CompareFigure(this.#sight, this.#choose, this.#layerChoices)];
    this.#target.addEventListener("change", () => {
      const { value } = this.#target;
      if (this.#target.reportValidity()) {
        this.#choose({ target: value ? Number((Number(value) / 100).toFixed(6)) : null });
      }
    });
    this.#body = h("div", { class: "compare-body", hidden: true }, this.#notes,
      section("Steps to a target", h("div", {}, this.#outcomes, this.#criterion,
        h("p", { class: "section-line" },
          h("label", { class: "hint" }, "Another target: ", this.#target, " %"), this.#clear))),
      h("div", {}, h("div", { class: "compare-range" }, this.#rangeBar.element),
        h("div", { class: "compare-charts" }, ...this.#figures.map(({ element }) => element))),
      section("Settings that differ", this.#settings),
      section("A setting against what came of it",
        h("div", {}, this.#scatterChoices, this.#scatter)));
    this.element.append(this.#header.element, this.#problem, this.#empty, this.#body);
    getSchema().then((schema) => {
      this.#fields = fields(schema);
      this.#draw();
    }).catch((error) => this.#say(error));
    this.unsubscribe = store.subscribe((now, before) => {
      // What failed while the connection was lost may be had now.
      if (now.connection === "live" && before.connection === "reconnecting") this.#ask(true);
    });
    this.show(place);
  }

  /** @param {ComparePlace} place */
  show(place) {
    this.place = place;
    this.#empty.hidden = place.runs.length > 0;
    const key = JSON.stringify([place.runs, place.group, place.target]);
    if (key !== this.#asked) {
      this.#asked = key;
      this.#ask();
    }
    this.#draw();
  }

  /**
   * Ask for what the address compares; again while some of it goes on.
   * @param {boolean} [again] What is shown stays where the server cannot be reached
   */
  async #ask(again = false) {
    window.clearTimeout(this.#timer);
    this.#asking.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    if (!again) this.#problem.hidden = true;
    if (this.place.runs.length === 0) {
      this.#compared = null;
      return;
    }
    try {
      this.#compared = await getComparison(this.place, signal);
      this.#problem.hidden = true;
      if (!this.#compared.ended && !signal.aborted) {
        this.#timer = window.setTimeout(() => this.#ask(true), EVERY);
      }
    } catch (error) {
      if (signal.aborted) return;
      const isLost = error instanceof ServerError && error.status === 0;
      if (!(again && isLost)) this.#compared = null;
      this.#say(/** @type {Error} */ (error));
    }
    if (!signal.aborted) this.#draw();
  }

  #draw() {
    const { place } = this;
    const compared = this.#compared;
    const loading = place.runs.length > 0 && compared === null && this.#problem.hidden;
    this.#header.show(place, compared, this.#fields, loading);
    this.#body.hidden = compared === null;
    if (compared === null) return;
    const many = compared.lines.length > MANY && place.lines.length === 0
      ? [`${compared.lines.length} lines are too many to be told apart: all are drawn faint. ` +
        "Choose some in the table."] : [];
    this.#notes.replaceChildren(...[...compared.notes, ...many].map((note) =>
      h("p", { class: "notice" }, note)));
    this.#drawOutcomes(compared);
    setText(this.#criterion, compared.criterion);
    this.#target.placeholder = String(Number((100 * compared.target).toFixed(2)));
    if (document.activeElement !== this.#target) {
      this.#target.value = place.target === null ? "" : String(Number((100 * place.target).toFixed(4)));
    }
    this.#clear.hidden = place.lines.length === 0;
    this.#drawCharts(compared);
    this.#drawSettings(compared);
    this.#drawScatter(compared);
    this.#bringIntoSight();
  }

  /** The chart that the address names, once; it is not meant when the address changes next. */
  #bringIntoSight() {
    const { chart } = this.place;
    const at = CHARTS.findIndex(({ id }) => id === chart);
    const found = chart === OF_LAYER ? this.#figures[CHARTS.length] : chart === SCATTER
      ? this.#scatterChart : this.#figures[at];
    if (chart === null || !found) return;
    this.place = { ...this.place, chart: null };
    found.anchor(this.element);
  }

  /** @param {Compared} compared */
  #drawOutcomes(compared) {
    const { lines, layout } = this.place;
    const key = JSON.stringify([compared.lines, compared.target, lines, layout]);
    if (key === this.#drawnOutcomes) return;
    this.#drawnOutcomes = key;
    const boxes = () => [...this.#outcomes.querySelectorAll("input")];
    const focused = boxes().findIndex((box) => box === document.activeElement);
    this.#outcomes.replaceChildren(outcomesTable(compared, this.place, this.#choose));
    boxes()[focused]?.focus();
  }

  /** @param {Compared} compared */
  #drawCharts(compared) {
    const sight = this.#sight;
    sight.expected = Math.max(...compared.runs.map(({ step }) => step));
    sight.chosen = clip(this.place.range, sight.latest);
    this.#rangeBar.refresh();
    const place = { ...this.place, range: sight.chosen };
    CHARTS.forEach((chart, at) => this.#figures[at].show(compared, place, chart, null));
    const figure = this.#figures[CHARTS.length];
    const names = compared.layers.map(({ name }) => name);
    figure.element.hidden = names.length === 0;
    if (names.length === 0) return;
    const layer = place.layer !== null && names.includes(place.layer) ? place.layer
      : usualLayer(compared);
    const chart = layerChart(place.statistic);
    figure.show(compared, place, chart, layer);
    const all = compared.networks.length;
    fillChoices(this.#layerChoices, [
      { label: "Statistic", current: chart.statistic,
        options: STATISTIC_GROUPS.flatMap(({ title, statistics }) =>
          statistics.map(([name, text]) => [name, text, title])),
        choose: (statistic) => this.#choose({ statistic }) },
      { label: "Layer", current: layer, options: compared.layers.map(({ name, networks }) =>
        [name, networks === all ? name : `${name} (${networks} of ${all} networks)`]),
        choose: (name) => this.#choose({ layer: name }) },
    ]);
  }

  /** @param {Compared} compared */
  #drawSettings(compared) {
    const { runs, settings, equal } = compared;
    const words = runs.length === 1 ? "There is one run only." : settings.length === 0
      ? `All ${equal} settings are equal.` : `All else is equal: ${equal} settings.`;
    this.#settings.replaceChildren(
      ...(settings.length > 0 && runs.length > 1
        ? [h("div", { class: "scroll settings" }, settingsTable(compared, this.#fields))] : []),
      h("p", { class: "hint" }, words));
  }

  /** @param {Compared} compared */
  #drawScatter({ groups, networks, target }) {
    const paths = numeric(groups, networks);
    const path = paths.find((one) => one === this.place.setting)
      ?? paths.find((one) => one === USUAL_SETTING) ?? paths[0];
    const key = JSON.stringify([paths, path, this.place.outcome, networks, target, this.#fields.length]);
    if (key === this.#drawnScatter) return;
    this.#drawnScatter = key;
    this.#scatterChart?.close();
    this.#scatterChart = null;
    if (path === undefined) {
      fillChoices(this.#scatterChoices, []);
      this.#scatter.replaceChildren(h("p", { class: "hint" },
        "No setting that is a number differs between these networks."));
      return;
    }
    const drawn = scatter(networks, path, this.place.outcome, fieldOf(path, this.#fields));
    const { quantity, points, lacking } = drawn;
    fillChoices(this.#scatterChoices, [
      { label: "Setting", current: path, options: settingOptions(paths, this.#fields),
        choose: (setting) => this.#choose({ setting }) },
      { label: "Outcome", current: quantity.name,
        options: OUTCOMES.map(({ name, title }) => [name, title]),
        choose: (outcome) => this.#choose({ outcome }) },
    ]);
    this.#scatterChart = new QuantityChart(quantity, () => this.#source(path, drawn));
    this.#scatterChart.show(points, false);
    this.#scatter.replaceChildren(this.#scatterChart.element, h("p", { class: "hint" }, lacking));
  }

  /**
   * Where the chart of a setting against an outcome comes from.
   * @param {string} setting
   * @param {ReturnType<typeof scatter>} drawn
   * @returns {Source}
   */
  #source(setting, { quantity: { name, unit }, definition, lacking }) {
    return { of: [comparedRuns(this.place), lacking].filter(Boolean).join("; "),
      file: ["comparison"],
      formula: ownFormula(name, unit, definition),
      csv: [{ href: networksUrl(this.place),
        about: "every network, its settings and what it came to" }],
      address: window.location.origin +
        formatCompare({ ...this.place, setting, outcome: name, chart: SCATTER }) };
  }

  /** @param {{ message: string }} error */
  #say({ message }) {
    setText(this.#problem, message);
    this.#problem.hidden = false;
  }

  close() {
    this.unsubscribe();
    window.clearTimeout(this.#timer);
    this.#asking.abort();
    this.#scatterChart?.close();
    for (const figure of this.#figures) figure.close();
  }
}
