/** System: what the processes of a run take of the machine, over time or steps. */

/** @import { Measurement, Quantity, Real, RunDetail, Samples } from "../types" */

import { exportUrl } from "../asking/files.js";
import { getSamples } from "../asking/records.js";
import { h, setText } from "../dom.js";
import { real, whole } from "../format.js";
import { format, ofRun } from "../location.js";
import { whenRunChanges } from "../run_changes.js";
import { ownFormula } from "./chart_menu.js";
import { choiceOf } from "./choice.js";
import { ofRunChart, QuantityChart } from "./quantity_chart.js";
import { isActive } from "./status.js";

const OVER = "shiftscope.system.over";
const GIGA = 1e9;
/** Seconds from which on time is told in minutes. */
const LONG = 600;

/** @typedef {"cpu" | "memory" | "machine_cpu" | "machine_memory" | "gpu" | "gpu_memory"} Column */
/** @typedef {Pick<Quantity, "name" | "title" | "unit" | "shows">} Told */

/**
 * Each chart with its columns, by the names of their series, and what they are divided by.
 * @type {[Told, Record<string, Column>, number][]}
 */
const CHARTS = [
  [{ name: "cpu", title: "CPU", unit: "cores",
    shows: "Cores that the run’s processes keep busy: training, the recorder, decoders." },
  { run: "cpu" }, 1],
  [{ name: "memory", title: "Memory", unit: "GB",
    shows: "What the run’s processes hold; what they share is counted for each." },
  { run: "memory" }, GIGA],
  [{ name: "machine", title: "The whole machine", unit: "share",
    shows: "Share of all cores that is busy, and of the memory that is taken, by anything." },
  { CPU: "machine_cpu", memory: "machine_memory" }, 1],
  [{ name: "gpu", title: "GPU", unit: "share", shows: "Share of time in which the GPU is busy." },
    { GPU: "gpu" }, 1],
  [{ name: "gpu_memory", title: "GPU memory", unit: "GB",
    shows: "What torch has reserved on the GPU." }, { GPU: "gpu_memory" }, GIGA],
];

/**
 * @param {RunDetail} run
 * @param {string | null} named The chart that the address names, and what it is over: "cpu:step"
 */
export function systemTab(run, named) {
  const [name, over] = named?.split(":") ?? [];
  let wanted = name; // until it has been brought into sight
  /** @type {Samples | null} */
  let samples = null;
  /** @type {{ chart: QuantityChart, columns: Record<string, Column>, scale: number }[]} */
  let charts = [];
  const words = h("span", { class: "hint" });
  const grid = h("div", { class: "overview study" });
  const note = h("p", { class: "nothing", hidden: true });
  const { choice, select } = choiceOf({ label: "over", memory: OVER, otherwise: "time",
    named: over, options: [["time", "time"], ["step", "steps"]], onChoose: () => show() });
  const element = h("div", { class: "system-tab" },
    h("div", { class: "section-line" }, choice, words), grid, note);

  /**
   * The charts of what is known, built anew when the axis is another or a GPU's samples came.
   * @param {Samples} found
   * @param {string} x
   */
  function build(found, x) {
    const shown = CHARTS.filter(([, columns]) => Object.values(columns).some((name) =>
      found[name].some((value) => value !== "NaN")));
    const key = `${x} ${shown.length}`;
    if (key === grid.dataset.built) return;
    grid.dataset.built = key;
    for (const { chart } of charts) chart.close();
    charts = shown.map(([told, columns, scale]) => ({ columns, scale,
      chart: new QuantityChart({ ...told, x, log_x: false, log_y: false }, () => ({
        ...ofRunChart(run),
        formula: ownFormula(told.name, told.unit, `${Object.values(columns).join(", ")} of ` +
          `system_records, a sample every two seconds${scale === GIGA ? ", in 10⁹ bytes" : ""}.`),
        csv: [{ href: exportUrl(run.id, "system_records", "csv"),
          about: "system_records, all samples" }],
        address: window.location.origin + format({ ...ofRun(run.id), tab: "system",
          chart: `${told.name}:${select.value}` }) })) }));
    grid.replaceChildren(...charts.map(({ chart }) => chart.element));
    charts.find(({ chart }) => chart.quantity.name === wanted)?.chart.anchor(element);
    wanted = "";
  }

  function show() {
    if (samples === null) return;
    const { every, seconds, step } = samples;
    note.hidden = samples.samples > 0;
    note.textContent = isActive(run) ? "The first sample comes two seconds after the begin."
      : run.imported ? "It was imported: nothing of its machine is known."
        : "Nothing was sampled: the run was too short, or an earlier version of shiftscope made it.";
    setText(words, every === 1 ? "A sample every two seconds."
      : `A point is ${whole(every)} samples, of two seconds each: the mean of cores and shares, the ` +
        "largest memory.");
    const inMinutes = (seconds.at(-1) ?? 0) >= LONG;
    const isOverSteps = select.value === "step";
    build(samples, isOverSteps ? "step" : inMinutes ? "minutes" : "seconds");
    const places = isOverSteps ? step : seconds.map((at) => inMinutes ? at / 60 : at);
    for (const { chart, columns, scale } of charts) {
      chart.show(Object.entries(columns).flatMap(([series, name]) =>
        measurements(series, places, samples?.[name] ?? [], scale)), isActive(run));
    }
  }

  const close = whenRunChanges(run, async (signal) => {
    samples = await getSamples(run.id, signal);
    show();
  }, (detail) => {
    note.textContent = detail;
    note.hidden = false;
  });
  return { element, close: () => {
    close();
    for (const { chart } of charts) chart.close();
  } };
}

/**
 * @param {string} series
 * @param {number[]} places
 * @param {Real[]} values
 * @param {number} scale
 * @returns {Measurement[]}
 */
const measurements = (series, places, values, scale) => places.flatMap((x, at) => {
  const value = real(values[at]) ?? NaN;
  return Number.isNaN(value) ? [] : [{ seed: 0, quantity: "", series, x, value: value / scale }];
});
