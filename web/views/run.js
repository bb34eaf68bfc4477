/** Run: the pair side by side, while it trains and after. */

/** @import { Findings, LayerRow, Mounted, Network, Place, Range, Run, RunDetail } from "../types" */

import { getFindings, getRun } from "../asking/records.js";
import { h, setText } from "../dom.js";
import { Feed } from "../feed.js";
import { lastNonlinear, layersOf, withPinned } from "../layers.js";
import { clip, go } from "../location.js";
import { notifyButton, tellFindings } from "../notify.js";
import { pinned } from "../pins.js";
import { learnRuns, store } from "../state.js";
import { followSystem } from "../system.js";
import { UnitFeed } from "../units.js";
import { anchor } from "./anchor.js";
import { Deck } from "./deck.js";
import { FindingsTab, findingsTitle } from "./findings_tab.js";
import { chosen, LayerBar } from "./layer_bar.js";
import { NonfiniteNotice } from "./nonfinite.js";
import { PLAIN_TABS } from "./plain_tabs.js";
import { RunAddress } from "./run_address.js";
import { runHeader } from "./run_header.js";
import { scrubber } from "./scrubber.js";
import { isActive } from "./status.js";
import { StudyPage } from "./study.js";
import { TABS } from "./tabs.js";
import { legend, rangeBar, seedChoice, tabLine, tabLinks } from "./toolbar.js";
import { VerdictView } from "./verdict.js";
import { viewMenu } from "./view_menu.js";

/** @import { PlainTab } from "./plain_tabs.js" */
/** @import { Tab } from "./tabs.js" */
/** @typedef {Extract<Place, { view: "run" }>} RunPlace */

/** Such a part of a run is its beginning, which a logarithmic axis shows at length. */
const BEGINNING = 64;

/**
 * @param {RunPlace} place
 * @returns {Mounted}
 */
export function runView(place) {
  const element = h("main", { class: "run-view", "aria-busy": "true" });
  /** @type {RunPage | StudyPage | null} */
  let page = null;
  let current = place;
  let closed = false;
  getRun(place.run).then((detail) => {
    if (closed) return;
    page = new (detail.study || detail.imported ? StudyPage : RunPage)(element, detail, current);
  }).catch((/** @type {Error} */ error) => {
    element.append(h("h1", {}, `Run ${place.run}`),
      h("p", { class: "notice bad", role: "alert" }, error.message),
      h("p", {}, h("a", { href: "/" }, "All runs")));
  }).finally(() => element.removeAttribute("aria-busy"));
  return {
    element,
    title: `Run ${place.run}`,
    update(next) {
      if (next.view !== "run") return;
      current = next;
      page?.show(next);
    },
    close() {
      closed = true;
      page?.close();
    },
  };
}

class RunPage {
  /** @type {Deck | null} */
  #deck = null;
  /** @type {ReturnType<PlainTab["open"]> | null} What is shown in place of records */
  #plain = null;
  /** What is shown again whenever records or choices change. @type {(() => void)[]} */
  #refreshes = [];
  #drawnAs = "";
  #zoomed = String(null);
  #shown = "";
  /** @type {Findings | null} */
  #found = null;
  #findings = new FindingsTab();
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
    this.networks = detail.networks;
    this.address = new RunAddress(place);
    this.feed = new Feed(detail.id, {
      onRecords: () => this.#recordsCame(),
      onNetworks: (networks) => this.#networksCame(networks),
      onFindings: (found) => this.#findingsCame(found),
      onError: (text) => this.#say(text),
    });
    document.title = `#${detail.id} ${detail.name} · shiftscope`;
    this.header = runHeader(detail, () => this.#deck
      ? this.address.linkHere(this.#deck) : window.location.href);
    this.verdict = detail.source === "watch" ? null : new VerdictView(detail.id,
      (target) => this.address.choose({ target }), detail.arms.length);
    this.layerBar = new LayerBar((change) => this.#turn(change));
    this.tabs = h("nav", { class: "tabs", "aria-label": "Tabs" });
    this.tools = h("div", { class: "tools" });
    this.problem = h("p", { class: "notice bad", role: "alert", hidden: true });
    this.nonfinite = new NonfiniteNotice(detail.id, (text) => this.#say(text));
    this.body = h("div", { class: "tab-body" });
    this.foot = h("div", { class: "tab-foot" });
    element.append(this.header.element, this.nonfinite.element, tabLine(this.tabs, this.tools),
      this.problem, this.layerBar.element, this.body, this.foot);
    learnRuns([detail]);
    if (detail.status === "queued") followSystem(this.#closing.signal);
    this.show(place);
    this.#askForFindings();
    this.#lookForOffenders({ now: true });
    this.#unsubscribe = store.subscribe(() => this.#runCame());
  }

  get place() {
    return this.address.place;
  }

  /** @param {RunPlace} place */
  show(place) {
    this.address.place = { ...place, range: clip(place.range, this.run.steps ?? this.run.step) };
    const seed = place.seed ?? this.run.seeds[0];
    const plain = PLAIN_TABS.find(({ id }) => id === place.tab);
    const tab = TABS.find(({ id }) => id === place.tab) ?? TABS[0];
    const networks = this.networks.filter((network) => network.seed === seed);
    const tabs = TABS.map((one) => one.id === "findings"
      ? { ...one, title: findingsTitle(this.#found) } : one);
    tabLinks(this.tabs, [...tabs, ...PLAIN_TABS], plain?.id ?? tab.id, this.place);
    this.#findings.show(this.#found, this.run, this.networks, this.place);
    const rows = tab.shows && !plain ? layersOf(networks).filter(tab.shows) : [];
    const layers = withPinned(rows, chosen(rows, this.place).layers, pinned(this.detail.id));
    this.layerBar.show(rows, this.place);
    const key = JSON.stringify([plain?.id ?? tab.id, seed, networks.map(({ id }) => id),
      layers.length > 0 ? layers.map(({ name }) => name) : place.find]);
    if (key !== this.#shown) this.#build(plain ?? tab, seed, networks, layers, key);
    this.#deck?.looks.know(networks);
    if (this.#deck && String(this.#deck.chosen) !== String(this.place.range)) {
      this.#deck.chosen = this.place.range;
      this.#deck.changed({ now: true });
    }
    const drawnAs = JSON.stringify(this.place.look);
    if (this.#deck && drawnAs !== this.#drawnAs) {
      this.#drawnAs = drawnAs;
      this.#deck.looks.show(this.place.look);
      this.#deck.changed({ now: true });
      this.#look();
    }
    this.#zoom();
    this.#deck?.scrub(this.place.step);
    this.#bringIntoSight();
    this.#lookAtUnit(networks);
    this.#refreshTools();
    this.nonfinite.show(this.networks, seed, isActive(this.run), this.place);
    this.#judge();
  }

  /** Finer records of the steps in sight; on a logarithmic axis, where the first ones have room. */
  #zoom() {
    const begin = 2 ** Math.ceil(Math.log2(Math.max(2, this.run.step / BEGINNING)));
    const range = this.place.range ?? (this.#deck?.looks.chosen.logX ? /** @type {Range} */ (
      [0, begin]) : null);
    if (String(range) === this.#zoomed) return;
    this.#zoomed = String(range);
    this.feed.zoom(range);
  }

  /** The chart that the address names, once; it is not meant when the address changes next. */
  #bringIntoSight() {
    const { chart } = this.place;
    const panel = chart !== null && this.#deck?.find(chart);
    if (!panel) return;
    anchor(panel.plot, this.body);
    this.address.forgetChart();
  }

  #refreshTools() {
    for (const refresh of this.#refreshes) refresh();
  }

  /** As the address says, where there is such a layer and unit. @param {Network[]} networks */
  #lookAtUnit(networks) {
    const asked = this.place.unit;
    const layer = networks.flatMap(({ layers }) => layers).find(({ name }) => name === asked?.layer);
    const unit = asked?.unit ?? null;
    this.#deck?.units?.look({
      layer: layer?.name ?? lastNonlinear(networks),
      unit: layer && unit !== null && unit < layer.units ? unit : null,
    });
  }

  /**
   * @param {Tab | PlainTab} tab
   * @param {number} seed
   * @param {Network[]} networks
   * @param {LayerRow[]} layers Those that are shown
   * @param {string} key
   */
  #build(tab, seed, networks, layers, key) {
    this.#shown = key;
    this.#deck?.close();
    this.#deck = null;
    this.#plain?.close?.();
    this.#plain = null;
    this.#refreshes = [];
    this.foot.replaceChildren();
    const seeds = this.run.seeds.length > 1
      ? seedChoice(this.run.seeds, seed, (chosen) => this.address.choose({ seed: chosen })) : "";
    if ("open" in tab) {
      this.#plain = tab.open({ ...this.detail, ...this.run }, this.networks, this.place.chart);
      this.address.forgetChart();
      this.tools.replaceChildren();
      this.body.replaceChildren(this.#plain.element);
    } else if (tab.id === "findings") {
      this.tools.replaceChildren(notifyButton());
      this.body.replaceChildren(this.#findings.element);
    } else if (networks.length === 0) {
      this.tools.replaceChildren();
      this.body.replaceChildren(h("p", { class: "nothing" }, isActive(this.run)
        ? "The charts appear when training begins." : "The run ended before training began."));
    } else if (tab.shows && layers.length === 0) {
      this.tools.replaceChildren(legend(networks), seeds);
      this.body.replaceChildren(h("p", { class: "nothing" }, this.place.find === null
        ? tab.none ?? "" : `No layer’s path holds “${this.place.find}”.`));
    } else {
      const deck = new Deck(this.detail, this.feed, networks,
        (range) => this.address.chooseRange(range));
      deck.looks.choose = (change) => this.address.chooseLook(change);
      deck.linkTo = (chart, layer) => this.address.linkTo(deck, chart, layer);
      deck.looks.show(this.place.look);
      this.#drawnAs = JSON.stringify(this.place.look);
      deck.growing = isActive(this.run);
      deck.expected = this.run.step;
      this.#deck = deck;
      const probed = asks(this.detail, "probe_every");
      if (probed && tab.id === "shift") deck.units = this.#units(networks, seed, deck);
      deck.chooseUnit = (unit) => this.address.choose({ unit });
      deck.chooseLayer = (layer) => this.#turn({ layer });
      const [range, view, scrubbing] = [rangeBar(deck, deck.run.steps ?? 0), viewMenu(deck), scrubber(deck)];
      this.#refreshes = [range, view, scrubbing].map(({ refresh }) => refresh);
      this.tools.replaceChildren(legend(networks), seeds, view.element, range.element);
      this.foot.replaceChildren(scrubbing.element);
      this.body.replaceChildren(
        tab.build({ deck, layers, verdict: this.verdict, probed,
          chart: this.place.chart,
          together: this.detail.experiment?.ensemble === true ? seed : null,
          gradientShift: asks(this.detail, "gradient_shift_every"),
          landscape: asks(this.detail, "landscape_every"), rebuild: () => this.#rebuild() }));
      deck.chosen = this.place.range;
      deck.scrub(this.place.step);
      deck.onStep((step) => this.address.scrub(step));
    }
    this.#look();
  }

  #rebuild() {
    this.#shown = "";
    this.show(this.place);
  }

  /**
   * @param {Network[]} networks
   * @param {number} seed
   * @param {Deck} deck
   */
  #units(networks, seed, deck) {
    return new UnitFeed(this.detail.id, seed, lastNonlinear(networks), {
      onUnits: () => {
        deck.changed({ now: true });
        deck.onUnits();
      },
      onError: (text) => this.#say(text),
    });
  }

  /** A verdict changes when an evaluation comes, a network is frozen, or the run ends. */
  #judge() {
    if (!this.verdict?.element.isConnected) return;
    const ended = !isActive(this.run);
    const evaluated = ended ? [] : this.networks.map(({ id }) =>
      this.feed.rows({ table: "evaluations", network_id: id })?.last.at(-1) ?? -1);
    const frozen = this.networks.filter(({ frozen_step: step }) => step !== null).length;
    const { target } = this.place;
    const state = [ended, Math.max(...evaluated), frozen, target, this.run.summary];
    this.verdict.show(JSON.stringify(state), target);
  }

  #look() {
    this.feed.look(this.#deck?.needs ?? [], isActive(this.run));
  }

  /** Show other layers. @param {{ layer: string | null, find?: string | null }} change */
  #turn(change) {
    if (this.body.getBoundingClientRect().top < 0) this.body.scrollIntoView();
    // What is typed letter by letter is one step of the browser's history, not many.
    go({ ...this.place, ...change }, { replace: change.find !== undefined });
  }

  #recordsCame() {
    this.#deck?.changed();
    if (this.#deck?.growing) this.#deck.units?.refresh();
    this.#judge();
    this.#refreshTools();
    this.#lookForOffenders();
  }

  #lookForOffenders({ now = false } = {}) {
    this.nonfinite.look(this.run.step, () => this.show(this.place), { now });
  }

  /** @param {Network[]} networks */
  #networksCame(networks) {
    this.networks = networks;
    this.header.show(this.run);
    this.show(this.place);
    this.#look(); // one may have been frozen, and another tells the time
    this.#lookForOffenders({ now: true });
  }

  /** @param {Findings} found */
  #findingsCame(found) {
    if ((found.diagnosed ?? -1) < (this.#found?.diagnosed ?? -1)) return; // overtaken by a push
    const known = new Set(this.#found?.findings.map(({ id }) => id));
    if (this.#found) tellFindings(this.run, found.findings.filter(({ id }) => !known.has(id)));
    this.#found = found;
    this.show(this.place);
  }

  /** Those of a run that goes on are pushed, too. */
  async #askForFindings() {
    try {
      this.#findingsCame(await getFindings(this.detail.id));
    } catch (error) {
      this.#say(/** @type {Error} */ (error).message);
    }
  }

  #runCame() {
    const run = store.get().runs.get(this.detail.id);
    if (!run) return;
    const endedOrGoesOn = isActive(this.run) !== isActive(run);
    this.run = run;
    this.header.show(run);
    this.#judge();
    if (!endedOrGoesOn) return;
    this.#askForFindings();
    if (this.#deck) this.#deck.growing = isActive(run);
    this.#deck?.units?.refresh({ now: true });
    this.#shown = this.#deck ? this.#shown : "";
    this.show(this.place);
    this.#look();
    this.#lookForOffenders({ now: true });
  }

  /** @param {string} text */
  #say(text) {
    setText(this.problem, text);
    this.problem.hidden = text === "";
  }

  close() {
    this.#closing.abort();
    this.address.close();
    this.#unsubscribe();
    this.#deck?.close();
    this.#plain?.close?.();
    this.layerBar.close();
    this.feed.close();
  }
}

/**
 * Whether a run measures what one of the settings asks for; a watched one does not.
 * @param {RunDetail} detail
 * @param {"probe_every" | "gradient_shift_every" | "landscape_every"} setting
 */
function asks({ experiment }, setting) {
  const recording = /** @type {{ [setting: string]: number | null } | undefined} */ (
    experiment?.recording);
  return (recording?.[setting] ?? null) !== null;
}
