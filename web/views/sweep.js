/** A sweep: its two charts, by one of its settings, and its runs, up to date while they end. */

/** @import { Mounted, Place, Run, SweepDetail } from "../types" */
/** @import { PointChart } from "./point_chart.js" */

import { stopSweep } from "../asking/changes.js";
import { getSweep } from "../asking/records.js";
import { h, setText } from "../dom.js";
import { age, exact, whole } from "../format.js";
import { format, go, IN_SWEEPS, ofQuery } from "../location.js";
import { learnRuns, store } from "../state.js";
import { acrossOf, apart, mostVaried, shortName, valueWords } from "../swept.js";
import { isActive, statusCounts } from "./status.js";
import { sweepCharts } from "./sweep_charts.js";
import { sweepTable } from "./sweep_table.js";

/** So many pairs of charts are drawn, one for each combination of the other settings. */
const MOST_APART = 12;

/** @typedef {Extract<Place, { view: "sweep" }>} SweepPlace */

/**
 * @param {SweepPlace} place
 * @returns {Mounted}
 */
export function sweepView(place) {
  const page = new SweepPage(place);
  return { element: page.element, title: `Sweep ${place.sweep}`,
    update: (next) => page.move(/** @type {SweepPlace} */ (next)), close: () => page.close() };
}

class SweepPage {
  /** @type {SweepDetail | null} */
  #detail = null;
  /** @type {Map<string, PointChart>} By the names that an address has for them */
  #charts = new Map();
  /** @type {ReturnType<typeof sweepTable> | null} */
  #table = null;
  #drawn = "";
  #listed = "";
  #wanted = 0;
  #ended = 0;
  #busy = false;
  #closed = false;
  #heading = h("h1", {}, "Sweep");
  #problem = h("p", { class: "notice bad", role: "alert", hidden: true });
  #statuses = h("span", { role: "status" });
  #about = h("span", {});
  #stop = h("button", { type: "button", class: "changes", hidden: true, onclick: () => this.#stopAll() }, "Stop all");
  #list = h("a", { class: "button" }, "In the list of runs");
  #choices = h("div", { class: "sweep-choices" });
  #body = h("div", { class: "sweep-charts" });
  #below = h("div", {});

  /** @param {SweepPlace} place */
  constructor(place) {
    this.place = place;
    this.#list.href = format({ ...ofQuery(`sweep:${place.sweep}`), apart: true });
    this.element = h("main", { class: "sweep" },
      h("div", { class: "title-line" }, this.#heading,
        h("div", { class: "actions" }, this.#stop, this.#list,
          h("a", { class: "button", href: format(ofQuery(IN_SWEEPS)) }, "All sweeps"))),
      h("p", { class: "facts" }, this.#statuses, this.#about), this.#problem, this.#choices,
      this.#body, this.#below);
    this.unsubscribe = store.subscribe((now, before) => {
      if (now.runs !== before.runs) this.#runsCame();
      // What changed while the connection was lost is not told again.
      if (now.connection === "live" && before.connection === "reconnecting") this.#ask();
    });
    this.#ask();
  }

  /** @param {SweepPlace} place */
  move(place) {
    const same = place.target === this.place.target;
    this.place = place;
    if (same) this.#show();
    else this.#ask();
  }

  /** Ask for the sweep as it is now, and once more where it was asked for meanwhile. */
  async #ask() {
    this.#wanted += 1;
    if (this.#busy) return; // the answer under way asks again
    this.#busy = true;
    for (let answered = 0; answered !== this.#wanted && !this.#closed;) {
      answered = this.#wanted;
      try {
        this.#take(await getSweep(this.place.sweep, this.place.target));
        this.#problem.hidden = true;
      } catch (error) {
        this.#say(/** @type {Error} */ (error).message);
      }
    }
    this.#busy = false;
  }

  /** @param {SweepDetail} detail */
  #take(detail) {
    if (this.#closed) return;
    this.#detail = detail;
    this.#ended = detail.members.filter(({ run }) => !isActive(run)).length;
    this.#show();
    learnRuns(detail.members.map(({ run }) => run));
  }

  /** The runs of the sweep as the page knows them now. @returns {Run[]} */
  get #runs() {
    const { runs } = store.get();
    return this.#detail?.members.map(({ run }) => runs.get(run.id) ?? run) ?? [];
  }

  #runsCame() {
    if (!this.#detail) return;
    const runs = this.#runs;
    setText(this.#statuses, statusCounts(runs));
    this.#stop.hidden = !runs.some(isActive);
    this.#table?.show(this.#detail, store.get().runs);
    // What a run that ended came to, the server says.
    const ended = runs.filter((run) => !isActive(run)).length;
    if (ended > this.#ended) this.#ask();
    this.#ended = ended;
  }

  #show() {
    const detail = this.#detail;
    if (!detail) return;
    const { sweep, members } = detail;
    document.title = `Sweep ${sweep.id}: ${sweep.name} · shiftscope`;
    this.#heading.replaceChildren(h("span", { class: "id" }, `Sweep ${sweep.id}`), ` ${sweep.name}`);
    for (const part of [this.#choices, this.#body, this.#below]) part.hidden = members.length === 0;
    if (members.length === 0) {
      setText(this.#statuses, "");
      this.#about.replaceChildren("All its runs are deleted. Until they are purged, they can be ",
        h("a", { href: format(ofQuery(`sweep:${sweep.id} deleted:yes`)) }, "restored in the list"), ".");
      return;
    }
    const networks = members.reduce((sum, { run }) => sum + run.arms.length * run.seeds.length, 0);
    this.#about.replaceChildren(` · ${whole(members.length)} runs, ${whole(networks)} networks · `,
      h("time", { datetime: sweep.created_at, title: exact(sweep.created_at) },
        `created ${age(sweep.created_at)}`));
    const listed = members.map(({ run }) => run.id).join(" ");
    if (listed !== this.#listed) {
      this.#listed = listed;
      this.#table = sweepTable(detail);
      this.#below.replaceChildren(h("h2", {}, "Runs"), this.#table.element);
    }
    this.#choose(detail);
    this.#draw(detail);
    this.#runsCame();
  }

  /** @param {SweepDetail} detail The place of the setting on the horizontal axis */
  #at({ sweep, members }) {
    const chosen = sweep.settings.indexOf(this.place.by ?? "");
    return chosen < 0 ? mostVaried(members) : chosen;
  }

  /** @param {SweepDetail} detail Whether all runs share one pair of charts */
  #together({ sweep, document: { draws } }) {
    return sweep.settings.length > 1 && (this.place.together ?? draws !== null);
  }

  /** The controls above the charts; they stay while nothing about them changes. @param {SweepDetail} detail */
  #choose(detail) {
    const { sweep: { settings }, target } = detail;
    const [at, together] = [this.#at(detail), this.#together(detail)];
    const said = JSON.stringify([settings, at, together, target]);
    if (this.#choices.dataset.said === said) return;
    this.#choices.dataset.said = said;
    const by = h("select", { onchange: () => this.#go({ by: by.value }) },
      ...settings.map((one, place) => h("option", { selected: place === at }, one)));
    const how = h("select", { onchange: () => this.#go({ together: how.value === "together" }) },
      h("option", { value: "apart", selected: !together }, "apart"),
      h("option", { value: "together", selected: together }, "together, each run a dot"));
    const percentage = h("input", { type: "number", min: 0.1, max: 100, step: "any", required: true,
      value: Number((100 * target).toFixed(4)),
      onchange: () => {
        const share = Number((Number(percentage.value) / 100).toFixed(6));
        if (percentage.reportValidity()) this.#go({ target: share });
      } });
    this.#choices.replaceChildren(...settings.length > 1 ? [h("label", {}, "Horizontal axis ", by),
      h("label", {}, "Runs that differ in other settings ", how)] : [],
    h("label", {}, "Target ", percentage, " % of the test set"));
  }

  /** @param {Partial<SweepPlace>} change */
  #go(change) {
    go({ ...this.place, ...change }, { replace: true });
  }

  /** @param {SweepDetail} detail */
  #draw(detail) {
    const { sweep: { settings }, members } = detail;
    const at = this.#at(detail);
    const joined = !this.#together(detail);
    const all = joined ? apart(members, at) : [{ values: [], members }];
    const groups = all.slice(0, MOST_APART);
    const key = JSON.stringify([at, joined, groups.map(({ values }) => values.toSpliced(at, 1))]);
    if (key === this.#drawn) {
      for (const chart of this.#charts.values()) chart.show();
      this.#bringIntoSight();
      return;
    }
    this.#drawn = key;
    for (const chart of this.#charts.values()) chart.close();
    this.#charts.clear();
    const sections = groups.map(({ values }, place) => {
      const others = values.map((value, one) => `${shortName(settings[one], settings)} ${valueWords(value)}`)
        .toSpliced(at, 1).join(", ");
      const charts = sweepCharts(settings[at], others, () => this.#shown(place),
        (outcome) => this.#linkTo(nameOf(outcome, place)));
      for (const chart of charts) this.#charts.set(nameOf(chart.about.id, place), chart);
      return h("section", {}, others && h("h2", {}, others),
        h("div", { class: "overview study" }, ...charts.map(({ element }) => element)));
    });
    const more = h("p", { class: "hint" }, `These are the first ${MOST_APART} of ${all.length} ` +
      "combinations of the other settings; together all runs are drawn.");
    this.#body.replaceChildren(...sections, ...all.length > MOST_APART ? [more] : []);
    this.#bringIntoSight();
  }

  /** The chart that the address names, once; it is not meant when the address changes next. */
  #bringIntoSight() {
    const { chart: name } = this.place;
    const found = name !== null && this.#charts.get(name);
    if (!found) return;
    this.place = { ...this.place, chart: null };
    found.anchor(this.element);
  }

  /** An address that opens a chart as it is now. @param {string} chart */
  #linkTo(chart) {
    const detail = /** @type {SweepDetail} */ (this.#detail);
    const { sweep: { settings }, target } = detail;
    return window.location.origin + format({ ...this.place, target, chart,
      by: settings[this.#at(detail)],
      together: settings.length > 1 ? this.#together(detail) : null });
  }

  /**
   * What a pair of charts draws, of the sweep as it is now.
   * @param {number} place Which pair
   */
  #shown(place) {
    const detail = /** @type {SweepDetail} */ (this.#detail);
    const at = this.#at(detail);
    const joined = !this.#together(detail);
    const members = joined ? apart(detail.members, at)[place]?.members ?? [] : detail.members;
    return { detail, members, at, joined,
      across: acrossOf(detail.members.map(({ values }) => values[at])) };
  }

  async #stopAll() {
    this.#stop.disabled = true;
    try {
      await stopSweep(this.place.sweep);
      this.#ask();
    } catch (error) {
      this.#say(/** @type {Error} */ (error).message);
    }
    this.#stop.disabled = false;
  }

  /** @param {string} message */
  #say(message) {
    setText(this.#problem, message);
    this.#problem.hidden = false;
  }

  close() {
    this.#closed = true;
    this.unsubscribe();
    for (const chart of this.#charts.values()) chart.close();
  }
}

/**
 * A chart as the address names it: "steps_to_target", "steps_to_target:2".
 * @param {string} outcome
 * @param {number} pair Its place among the pairs of charts
 */
const nameOf = (outcome, pair) => pair === 0 ? outcome : `${outcome}:${pair + 1}`;
