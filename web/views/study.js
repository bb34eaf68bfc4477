/** Study: what it comes to, and a chart of each quantity, while it measures and after. An import,
 * which is measurements likewise, is shown as one, but each chart asks for what it needs. */

/** @import { CatalogEntry, Measurement, Quantity, Run, RunDetail } from "../types" */
/** @import { Answers } from "./imported_chart.js" */
/** @import { PlainTab } from "./plain_tabs.js" */
/** @import { RunPlace } from "./run.js" */

import { getCatalog } from "../asking/lists.js";
import { getMeasurements } from "../asking/records.js";
import { h, setText } from "../dom.js";
import * as live from "../live.js";
import { isLog } from "../look.js";
import { grouped } from "../quantity.js";
import { learnRuns, store } from "../state.js";
import { followSystem } from "../system.js";
import { ImportedChart } from "./imported_chart.js";
import { PLAIN_TABS } from "./plain_tabs.js";
import { QuantityChart, sourceOf } from "./quantity_chart.js";
import { QuantityBar } from "./quantity_bar.js";
import { RunAddress } from "./run_address.js";
import { runHeader } from "./run_header.js";
import { isActive } from "./status.js";
import { tabLinks } from "./toolbar.js";
import { VerdictView } from "./verdict.js";

/** @type {({ id: string, title: string, open?: undefined } | PlainTab)[]} */
const TABS = [{ id: "overview", title: "Overview" }, ...PLAIN_TABS];

export class StudyPage {
  /** @type {Measurement[]} */
  #measurements = [];
  /** @type {(QuantityChart | ImportedChart)[]} */
  #charts = [];
  /** Of an import. @type {Answers} */
  #answers = new Map();
  /** @type {Quantity[]} */
  #quantities = [];
  /** @type {ReturnType<PlainTab["open"]> | null} */
  #plain = null;
  /** Whether the catalog has said which quantities there are. */
  #isLearned = false;
  /** The chart that the address names, until it is there. @type {string | null} */
  #named = null;
  #shown = "";
  #asking = false;
  #closed = false;
  #closing = new AbortController();
  #unsubscribe;

  /**
   * @param {HTMLElement} element
   * @param {RunDetail} detail
   * @param {RunPlace} place
   */
  constructor(element, detail, place) {
    this.detail = detail;
    /** @type {Run} */
    this.run = detail;
    this.place = place;
    this.address = new RunAddress(place);
    this.#named = place.chart;
    document.title = `#${detail.id} ${detail.name} · shiftscope`;
    this.header = runHeader(detail);
    this.verdict = new VerdictView(detail.id, null);
    this.tabs = h("nav", { class: "tabs", "aria-label": "Tabs" });
    this.problem = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.bar = new QuantityBar((find) => this.address.find(find), () => this.show(this.place));
    this.body = h("div", { class: "tab-body" });
    element.append(this.header.element, h("div", { class: "tab-line" }, this.tabs), this.problem,
      this.bar.element, this.body);
    learnRuns([detail]);
    if (detail.status === "queued") followSystem(this.#closing.signal);
    if (isActive(detail)) this.#watch();
    this.show(place);
    this.#unsubscribe = store.subscribe((now, before) => {
      this.#runCame();
      // What failed while the connection was lost may be had now.
      if (now.connection !== "live" || before.connection !== "reconnecting") return;
      for (const chart of this.#charts) if (chart instanceof ImportedChart) chart.retry();
    });
    getCatalog().then((entries) => this.#learn(entries)).catch((error) => this.#say(error));
  }

  /** @param {RunPlace} place */
  show(place) {
    this.place = this.address.place = place;
    const tab = TABS.find(({ id }) => id === place.tab) ?? TABS[0];
    tabLinks(this.tabs, TABS, tab.id, place);
    this.#judge();
    const { imported } = this.detail;
    this.bar.show(this.#quantities, !tab.open && imported !== null);
    const quantities = imported
      ? this.bar.chosen(this.#quantities, place.find, place.chart) : this.#quantities;
    const key = tab.open ? JSON.stringify([tab.id, this.run.status])
      : JSON.stringify([tab.id, quantities, this.#quantities.length]);
    if (key === this.#shown) return this.#followLook();
    this.#shown = key;
    for (const chart of this.#charts) chart.close();
    this.#charts = [];
    this.#plain?.close?.();
    this.#plain = null;
    if (tab.open) {
      this.#plain = tab.open({ ...this.detail, ...this.run }, [], place.chart);
      this.place = { ...place, chart: null };
      this.body.replaceChildren(this.#plain.element);
      return;
    }
    this.#charts = quantities.map((quantity) => imported
      ? new ImportedChart(this.run, quantity, this.#answers, (log) =>
        this.address.chooseLook({ log: { [quantity.name]: log } }))
      : new QuantityChart(quantity, () => sourceOf(this.run, quantity)));
    this.body.replaceChildren(h("div", { class: "overview study" }, this.verdict.element,
      ...this.#charts.map(({ element }) => element),
      quantities.length === 0 && this.#quantities.length > 0
        && h("p", { class: "nothing" }, `No quantity’s name holds “${place.find}”.`)));
    this.#followLook();
    this.#draw();
    this.#judge();
    this.#bringIntoSight();
  }

  /** Of an import each chart may have a logarithmic axis. */
  #followLook() {
    for (const chart of this.#charts) {
      if (!(chart instanceof ImportedChart)) continue;
      chart.show(isLog(this.place.look, { id: chart.quantity.name, log: false }));
    }
  }

  /** The chart that the address names, once. */
  #bringIntoSight() {
    const chart = this.#charts.find(({ quantity }) => quantity.name === this.#named);
    if (!chart) return;
    if (this.#isLearned) this.#named = null; // else all charts are built once more
    chart.anchor(this.body);
  }

  /**
   * The quantities of the run's catalog entry, or of another one of the same study.
   * @param {CatalogEntry[]} entries
   */
  #learn(entries) {
    const entry = entries.find(({ name }) => name === this.detail.catalog_entry)
      ?? entries.find(({ study }) => study && study.study === this.detail.study?.study);
    this.#quantities = [...entry?.quantities ?? []];
    this.#isLearned = true;
    this.#addUnknown();
    if (this.#closed) return;
    this.show(this.place);
    this.#bringIntoSight();
  }

  /** Quantities that no entry describes have charts too, by their names. */
  #addUnknown() {
    const known = new Set(this.#quantities.map(({ name }) => name));
    const found = new Set(this.detail.imported?.quantities
      ?? this.#measurements.map(({ quantity }) => quantity));
    this.#quantities.push(...[...found].filter((name) => !known.has(name)).map((name) => ({
      name, title: name, unit: "", x: this.detail.imported ? "step" : "x", shows: "", log_x: false, log_y: false })));
  }

  /** Hear of the run's state, also after a connection was lost: `step` says what to ask for. */
  #watch() {
    live.watch({ run: this.run.id, series: [], cursor: () => 0, onFrame: () => {},
      onNetworks: () => {}, onFindings: () => {}, onError: (message) => this.#say({ message }) });
  }

  #runCame() {
    const run = store.get().runs.get(this.detail.id);
    if (!run) return;
    if (isActive(this.run) && !isActive(run)) live.unwatch();
    this.run = run;
    this.header.show(run);
    this.show(this.place);
    if (!this.detail.imported) this.#fetch();
  }

  /** Ask for what was measured since, until nothing is left. */
  async #fetch() {
    if (this.#asking) return; // the answer under way asks again
    this.#asking = true;
    try {
      while (!this.#closed && this.#measurements.length < this.run.step) {
        const after = this.#measurements.length;
        const { measurements } = await getMeasurements(this.run.id, after);
        if (measurements.length === 0) break;
        this.#measurements.push(...measurements);
        this.#addUnknown();
        if (!this.#closed) this.show(this.place);
        this.#draw();
      }
      this.problem.hidden = true;
    } catch (error) {
      this.#say(/** @type {Error} */ (error));
    }
    this.#asking = false;
  }

  #draw() {
    const growing = isActive(this.run);
    const found = grouped(this.#measurements, ({ quantity }) => quantity);
    for (const chart of this.#charts) {
      if (chart instanceof QuantityChart) chart.show(found.get(chart.quantity.name) ?? [], growing);
    }
  }

  /** A study decides nothing before it ends. */
  #judge() {
    if (this.verdict.element.isConnected) this.verdict.show(this.run.status, null);
  }

  /** @param {{ message: string }} error */
  #say({ message }) {
    setText(this.problem, message);
    this.problem.hidden = false;
  }

  close() {
    this.#closed = true;
    this.#closing.abort();
    this.bar.close();
    this.address.close();
    this.#unsubscribe();
    live.unwatch();
    this.#plain?.close?.();
    for (const chart of this.#charts) chart.close();
  }
}
