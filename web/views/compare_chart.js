/** A chart of a comparison: the mean of a statistic over steps, in one plot or in one a group. */

/** @import { Averages, ComparePlace, Compared, Range } from "../types" */
/** @import { CompareChart } from "../charts/compare_charts.js" */
/** @import { ChartMenu, PictureFormat } from "./chart_menu.js" */
/** @import { StepsInSight } from "./steps_in_sight.js" */

import { Answer } from "../answer.js";
import { linesUrl } from "../asking/files.js";
import { getLines } from "../asking/records.js";
import { drawnWords, lackingWords } from "../charts/compare_charts.js";
import { crossing, inFull, looksOf, plotsOf, reach, rowsOf } from "../charts/compare_lines.js";
import { comparedRuns, formatCompare } from "../comparing.js";
import { h, setText } from "../dom.js";
import { steps } from "../format.js";
import { anchor } from "./anchor.js";
import { formula, menuButton, savePicture } from "./chart_menu.js";
import { abreast, ComparePlot } from "./compare_plot.js";

const HEIGHT = 300;
const GRID_HEIGHT = 200;
/** Of each line, in the steps in sight and those beside them. */
const FINE_POINTS = 800;

/**
 * @typedef {object} What
 * @property {Compared} compared
 * @property {ComparePlace} place
 * @property {CompareChart} chart
 * @property {string | null} layer
 */

export class CompareFigure {
  /** @type {ComparePlot[]} */
  #plots = [];
  #arranged = "";
  /** @type {What | null} */
  #what = null;
  /** Of all steps. @type {Answer<Averages>} */
  #whole = new Answer();
  /** Of those in sight. @type {Answer<Averages>} */
  #fine = new Answer();
  #about = "";
  #visible = false;
  #title = h("h2", {});
  #log = h("button", { class: "toggle", type: "button", title: "Logarithmic vertical axis",
    onclick: () => this.#toggle() }, "log");
  #menu;
  #hint = h("p", { class: "hint" });
  #unit = h("p", { class: "unit" });
  #body = h("div", { class: "plots" });
  #lacking = h("p", { class: "hint", role: "status" });

  /**
   * @param {StepsInSight} sight Those of all charts of the comparison
   * @param {(changes: Partial<ComparePlace>) => void} choose
   * @param {...HTMLElement} controls Of this chart alone
   */
  constructor(sight, choose, ...controls) {
    this.sight = sight;
    this.choose = choose;
    this.#menu = menuButton("", () => this.#menuNow());
    this.element = h("figure", { class: "panel compare-figure" },
      h("figcaption", {}, this.#title, h("span", { class: "figure-tools" }, this.#log, this.#menu),
        this.#hint),
      controls.length > 0 && h("p", { class: "section-line" }, ...controls), this.#unit, this.#body,
      this.#lacking);
    this.#sight.observe(this.element);
  }

  #sight = new IntersectionObserver(([{ isIntersecting }]) => {
    this.#visible = isIntersecting;
    if (isIntersecting) this.#ask();
  }, { rootMargin: "240px" });

  /**
   * @param {Compared} compared
   * @param {ComparePlace} place
   * @param {CompareChart} chart
   * @param {string | null} layer
   */
  show(compared, place, chart, layer) {
    this.#what = { compared, place, chart, layer };
    setText(this.#title, this.#name);
    this.#menu.setAttribute("aria-label", `Menu of ${this.#name}`);
    setText(this.#unit, `${chart.axis}, by step`);
    this.#log.hidden = chart.percent;
    this.#log.setAttribute("aria-pressed", String(place.logs.includes(chart.id)));
    this.#draw();
    this.#ask();
  }

  get #name() {
    const { chart: { title }, layer } = /** @type {What} */ (this.#what);
    return layer === null ? title : `${layer}: ${title}`;
  }

  get #question() {
    const { compared, place: { range }, chart, layer } = /** @type {What} */ (this.#what);
    return { runs: compared.runs.map(({ id }) => id), group: compared.group, table: chart.table,
      statistic: chart.statistic, layer, range };
  }

  /** Ask for the means, once for each question and each state of its runs, when it is in sight. */
  async #ask() {
    if (!this.#what || !this.#visible) return;
    const question = { ...this.#question, range: null };
    const about = JSON.stringify(question);
    if (about !== this.#about) this.#fine.forget();
    this.#about = about;
    const state = this.#what.compared.runs.map(({ step, status }) => [step, status]);
    if (await this.#whole.ask([about, state], (signal) => getLines(question, signal))) this.#draw();
    const { range } = this.#what.place; // what it is now
    const isExact = (this.#whole.value?.width ?? 1) === 1;
    if (about !== this.#about) return;
    if (range === null || isExact) {
      const isDrawn = this.#fine.value !== null || this.#fine.problem !== "";
      this.#fine.forget();
      if (isDrawn) this.#draw();
      return;
    }
    const finer = { ...question, range: around(range), points: FINE_POINTS };
    if (await this.#fine.ask([finer, state], (signal) => getLines(finer, signal))) this.#draw();
  }

  /** Bring it into sight. @param {HTMLElement} page What changes its height */
  anchor(page) {
    anchor(this.#plots[0].plot, page);
  }

  /** @returns {ChartMenu} */
  #menuNow() {
    const { place, chart, layer } = /** @type {What} */ (this.#what);
    return { title: this.#name, shows: this.#hint.textContent ?? "",
      formula: formula([{ table: chart.table, statistics: [chart.statistic] }],
        "The mean over the networks of a line, at every step that all of them recorded. Its " +
        "interval at 95 % is over these networks, by bootstrap."),
      csv: [{ href: linesUrl(this.#question), about: `mean and interval, ${
        place.range ? steps(...place.range) : "all steps"}, as recorded` }],
      save: (format) => this.#save(format),
      address: window.location.origin +
        formatCompare({ ...place, layer: layer ?? place.layer, chart: chart.id }) };
  }

  /** @param {PictureFormat} format */
  #save(format) {
    const { compared: { group }, place, chart, layer } = /** @type {What} */ (this.#what);
    const { drawing, headings, legend } = abreast(this.#plots, this.#body);
    return savePicture(drawing, { title: this.#name, axis: chart.axis, across: "step", legend, headings,
      subtitle: [comparedRuns(place), group !== "run" && `a line for each ${group}`,
        place.range && steps(...place.range),
        this.#hint.textContent, this.#lacking.textContent].filter(Boolean).join("; "),
    }, ["comparison", chart.id, layer], format);
  }

  #toggle() {
    if (!this.#what) return;
    const { place: { logs }, chart: { id } } = this.#what;
    this.choose({ logs: logs.includes(id) ? logs.filter((one) => one !== id) : [...logs, id] });
  }

  #draw() {
    if (!this.#what) return;
    const { compared: { lines }, place, chart } = this.#what;
    const apart = place.layout === "grid";
    const groups = plotsOf(lines, apart);
    this.#arrange(apart, groups.map(({ title }) => title));
    /** @param {Averages | null} found */
    const ofLines = (found) => found?.lines.length === lines.length ? found : null;
    const averages = ofLines(this.#whole.value);
    const fine = ofLines(this.#fine.value);
    const { range } = this.sight;
    const full = inFull(lines.length, place.lines);
    const looks = looksOf(lines, apart);
    const log = !chart.percent && place.logs.includes(chart.id);
    const drawn = averages?.lines.map((average, at) => ({ at, label: apart ? lines[at].arm : lines[at].label,
      rows: rowsOf(average, fine?.lines[at] ?? null, place.logX), look: looks[at], full: full.has(at) })) ?? [];
    const leading = drawn.filter((line) => line.full);
    const measured = (leading.length > 0 ? leading : drawn).map(({ rows }) => rows);
    const extent = reach(measured.map((rows) => crossing(rows, range)), log, chart.percent)
      ?? reach(measured, log, chart.percent); // nothing may be recorded in sight
    groups.forEach(({ lines: those }, at) => {
      const own = drawn.filter((line) => those.includes(line.at));
      const empty = own.every(({ rows }) => rows.step.length === 0);
      this.#plots[at].show({ lines: own, extent, range, rest: place.range && range[1],
        logX: place.logX, log,
        percent: chart.percent, note: this.#whole.problem || this.#fine.problem ||
          (averages === null ? "loading" : empty ? "nothing was recorded of this" : "") });
    });
    setText(this.#hint, `${chart.hint} ${averages === null ? "" : drawnWords({
      width: (fine ?? averages).width,
      averaged: averages.lines.some(({ networks }) => networks > 1),
      bucketed: (fine ?? averages).lines.some(({ least }) => least !== null) })}`.trim());
    setText(this.#lacking, averages === null ? "" : lackingWords(lines, averages, fine));
  }

  /**
   * @param {boolean} apart
   * @param {string[]} titles
   */
  #arrange(apart, titles) {
    const key = JSON.stringify([apart, titles]);
    if (key === this.#arranged) return;
    this.#arranged = key;
    this.close(false);
    const { chart } = /** @type {What} */ (this.#what);
    this.#plots = titles.map((title) => new ComparePlot(this.sight, chart.id,
      [chart.title, title].filter(Boolean).join(", "), title, apart ? GRID_HEIGHT : HEIGHT));
    this.#body.classList.toggle("apart", apart);
    this.#body.replaceChildren(...this.#plots.map(({ element }) => element));
  }

  /** @param {boolean} [forGood] */
  close(forGood = true) {
    for (const plot of this.#plots) plot.close();
    this.#plots = [];
    if (!forGood) return;
    this.#whole.forget();
    this.#fine.forget();
    this.#sight.disconnect();
  }
}

/**
 * The steps in sight and a quarter as many on each side, so that lines go on where one pans to.
 * @param {Range} range
 * @returns {Range}
 */
function around([first, last]) {
  const beside = Math.ceil((last - first) / 4);
  return [Math.max(0, first - beside), last + beside];
}
