/**
 * The charts of one tab, together: they look at the same networks and records, and share the steps
 * in sight, the cursor, the scrubbed step, and how they are drawn.
 */

/** @import { Chart, ChosenUnit, Network, Range, RunDetail, Selection, View } from "../types" */
/** @import { Feed } from "../feed.js" */
/** @import { UnitFeed } from "../units.js" */
/** @import { MomentPanel } from "./moment_panel.js" */
/** @import { Logged } from "./looks.js" */

import { rowAt } from "../charts/lines.js";
import { redraw } from "../redraw.js";
import { beside } from "../scrub.js";
import { keyOf, within } from "../series.js";
import { store } from "../state.js";
import { union } from "../traces.js";
import { Looks } from "./looks.js";
import { Panel } from "./panel.js";
import { StepsInSight } from "./steps_in_sight.js";

export class Deck extends StepsInSight {
  /** @type {Panel[]} */
  panels = [];
  /** Whether more records may come. */
  growing = true;
  /** @type {number | null} The scrubbed step; null is the run's latest, and follows it */
  step = null;
  /** @type {UnitFeed | null} Where charts of single units draw from */
  units = null;
  /**
   * What draws from a feed of its own: told of every change, and closed with the deck.
   * @type {{ panels?: MomentPanel[], changed?(): void, close(): void }[]}
   */
  companions = [];
  /** Look at a layer. @type {(layer: string) => void} */
  chooseLayer = () => {};
  /** What is to be done when single units came. */
  onUnits = () => {};
  /** An address that opens a chart as it is. @type {(chart: Logged, layer: string | null) => string} */
  linkTo = () => "";
  /** Look at another unit. @type {(chosen: ChosenUnit | null) => void} */
  chooseUnit = () => {};
  /** @type {Map<string, Range | null>} */
  #extents = new Map();
  /** @type {((step: number | null) => void)[]} */
  #onStep = [];
  #isReading = false;
  #unsubscribe;

  /**
   * @param {RunDetail} run
   * @param {Feed} feed
   * @param {Network[]} networks Those of one seed
   * @param {(range: Range | null) => void} onChoose
   */
  constructor(run, feed, networks, onChoose) {
    super(onChoose);
    this.run = run;
    this.feed = feed;
    this.networks = networks;
    this.looks = new Looks(run, feed, networks);
    this.#unsubscribe = store.subscribe((state, before) => {
      if (state.cursor !== before.cursor) this.#readSoon();
    });
  }

  /** With the next frame the charts in sight say their values where the cursor is, or the step. */
  #readSoon() {
    if (this.#isReading) return;
    this.#isReading = true;
    requestAnimationFrame(() => {
      this.#isReading = false;
      const { cursor } = store.get();
      for (const panel of this.panels) if (panel.visible) panel.read(cursor);
      for (const panel of this.panels) if (cursor === null) panel.step.hidden = true;
    });
  }

  /**
   * @param {Chart} chart
   * @param {{ layer?: string | null, rowHeight: number }} options
   */
  add(chart, options) {
    const panel = new Panel(this, chart, options);
    this.panels.push(panel);
    return panel;
  }

  /**
   * The chart that an address names, `fan:hidden2`; undefined when there is none.
   * @param {string} name
   */
  find(name) {
    const moments = this.companions.flatMap(({ panels }) => panels ?? []);
    return [...this.panels, ...moments].find(({ chart, layer }) =>
      name === (layer === null ? chart.id : `${chart.id}:${layer}`));
  }

  /** The run's latest step; `expected` counts for as long as its records are on their way. */
  get latest() {
    return Math.max(1, this.feed.latest || this.expected);
  }

  /**
   * Read the charts at a step; null, or one that is not before the latest, follows the run.
   * @param {number | null} step
   */
  scrub(step) {
    const next = step === null || step >= this.latest ? null : Math.max(0, step);
    if (next === this.step) return;
    this.step = next;
    this.#readSoon();
    for (const listener of this.#onStep) listener(next);
  }

  /** Go so many records on, or back, among those in sight. @param {number} records */
  scrubBy(records) {
    const all = this.needs.flatMap((selection) => this.feed.rows(selection) ?? []);
    const [first, last] = this.range;
    let step = this.step ?? last;
    for (let count = Math.abs(records); count > 0; count--) {
      step = beside(all, step, records > 0 ? 1 : -1) ?? step;
    }
    this.scrub(Math.max(first, Math.min(last, step)));
  }

  /**
   * Hear of every other step that is scrubbed to; null is the run's latest.
   * @param {(step: number | null) => void} listener
   */
  onStep(listener) {
    this.#onStep.push(listener);
  }

  /** Everything that these charts draw from, each series once. @returns {Selection[]} */
  get needs() {
    /** @type {Map<string, Selection>} */
    const found = new Map();
    const needs = this.panels.flatMap(({ chart, layer }) =>
      chart.needs({ networks: this.networks, layer })).concat(this.looks.needs);
    for (const selection of needs) {
      const known = found.get(keyOf(selection));
      const statistics = new Set([...(known?.statistics ?? []), ...selection.statistics]);
      found.set(keyOf(selection), { ...selection, statistics: [...statistics] });
    }
    return [...found.values()];
  }

  /** Records came, or other steps are in sight. @param {{ now?: boolean }} [options] */
  changed(options) {
    this.#extents.clear();
    this.looks.changed();
    for (const panel of this.panels) redraw(panel, options);
    for (const companion of this.companions) companion.changed?.();
  }

  /**
   * @param {Chart} chart
   * @param {string | null} layer
   * @returns {View}
   */
  view(chart, layer) {
    const { networks, range, growing, feed, looks } = this;
    const difference = looks.isDifference(chart);
    return {
      networks, layer, range, growing, difference,
      skipped: this.run.watched?.skipped ?? [],
      loading: this.expected > 0 && !feed.hasAnswer,
      log: looks.isLog(chart),
      smooth: looks.chosen.smooth,
      rows: (what) => what.table === "unit_records" ? this.units?.rows(what)
        : difference ? looks.difference(what) : feed.rows(what),
    };
  }

  /**
   * What a chart's vertical axis has to hold: its values in sight, on a shared logarithmic axis
   * those of the other layers too.
   * @param {Chart} chart
   * @param {string | null} layer
   * @returns {Range | null}
   */
  extent(chart, layer) {
    if (chart.shared && this.looks.isLog(chart)) {
      const alike = this.panels.filter((panel) => panel.chart === chart);
      return union(alike.map((panel) => this.#extent(chart, panel.layer)));
    }
    return this.#extent(chart, layer);
  }

  /**
   * @param {Chart} chart
   * @param {string | null} layer
   */
  #extent(chart, layer) {
    const key = `${chart.id}/${layer}`;
    const known = this.#extents.get(key);
    if (known !== undefined) return known;
    const view = this.view(chart, layer);
    const extent = chart.extent({ ...view, rows: (what) => {
      const rows = view.rows(what);
      return rows && within(rows, this.range);
    } });
    this.#extents.set(key, extent);
    return extent;
  }

  /**
   * The step or the bucket of steps that a chart shows at a step, in words.
   * @param {Chart} chart
   * @param {string | null} layer
   * @param {number} step
   * @param {(first: number, last: number) => string} words
   */
  stepsAt(chart, layer, step, words) {
    for (const selection of chart.needs({ networks: this.networks, layer })) {
      const rows = this.feed.rows(selection);
      const row = rowAt(rows, rows?.columns[selection.statistics[0]], step);
      if (rows && row >= 0) return words(rows.step[row], rows.last[row]);
    }
    return words(step, step);
  }

  close() {
    this.#unsubscribe();
    this.units?.close();
    for (const companion of this.companions) companion.close();
    for (const panel of this.panels) panel.close();
  }
}
