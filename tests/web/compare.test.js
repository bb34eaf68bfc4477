import assert from "node:assert/strict";
import { test } from "node:test";

import { drawnWords, lackingWords, layerChart } from "../../web/charts/compare_charts.js";
import { crossing, inFull, looksOf, marksOf, plotsOf, reach, rowsOf } from
  "../../web/charts/compare_lines.js";
import { numeric, scatter } from "../../web/charts/compare_outcomes.js";
import { NOTHING_COMPARED } from "../../web/comparing.js";
import { format, parse } from "../../web/location.js";
import { linesOf } from "../../web/quantity.js";
import { settingOptions } from "../../web/views/compare_choices.js";

/** @import { Average, Line, NetworkOutcome, Real } from "../../web/types" */

/** @type {(arm: string, of: Partial<Line>) => Line} */
const line = (arm, of) => /** @type {Line} */ ({ arm, run: null, value: null, lacks: false,
  label: of.run ? `#${of.run} ${arm}` : `lr ${of.value} · ${arm}`, ...of });
/** @type {(mean: Real[], of?: Partial<Average>) => Average} */
const average = (mean, of = {}) => ({ networks: 2, lacking: 0, left_out: 0,
  step: mean.map((_, at) => 10 * at), last_step: mean.map((_, at) => 10 * at), mean,
  low: mean.map(() => "NaN"), high: mean.map(() => "NaN"), least: null, most: null, ...of });

test("the address of a comparison says everything, and only what is unusual", () => {
  assert.deepEqual(parse("/compare", ""), NOTHING_COMPARED);
  assert.equal(format(NOTHING_COMPARED), "/compare");
  const place = { ...NOTHING_COMPARED, runs: [3, 5, 8], group: "optimizer.lr",
    layout: /** @type {const} */ ("grid"), logX: true, logs: ["test-loss", "layer"],
    range: /** @type {[number, number]} */ ([10, 90]), target: 0.95,
    statistic: "mean", layer: "hidden1", lines: [0, 4], setting: "steps", outcome: "last_accuracy",
    chart: "test-loss" };
  const address = format(place);
  assert.match(address, /^\/compare\?runs=3,5,8&group=optimizer\.lr&layout=grid&x=log/);
  const url = new URL(address, "http://host");
  assert.deepEqual(parse(url.pathname, url.search), place);
  const odd = parse("/compare", "?runs=3,x,3,-1&target=7&layout=pile&steps=9-3");
  assert.deepEqual(odd, { ...NOTHING_COMPARED, runs: [3] });
});

test("arms have colours and groups dashes, where there are not too many of either", () => {
  const lines = [line("none", { run: 1 }), line("BN", { run: 1 }), line("none", { run: 2 })];
  assert.deepEqual(looksOf(lines, false), [{ arm: 0, dash: "solid" }, { arm: 1, dash: "solid" },
    { arm: 0, dash: "dash" }]);
  const looks = looksOf([1, 2, 3, 4, 5].map((run) => line("none", { run })), false);
  assert.equal(new Set(looks.map(({ arm, dash }) => `${arm}${dash}`)).size, 5);
  assert.deepEqual(plotsOf(lines, true), [{ title: "#1", lines: [0, 1] }, { title: "#2", lines: [2] }]);
  const byRate = [line("none", { value: 0.5 }), line("none", { value: 1 })];
  assert.deepEqual(plotsOf(byRate, true).map(({ title }) => title), ["lr 0.5", "lr 1"]);
  assert.deepEqual(plotsOf(lines.slice(0, 2), true).map(({ title }) => title), ["none", "BN"]);
});

test("what a line lacks is said of all steps and of those in sight", () => {
  const lines = [{ label: "A" }, { label: "B" }, { label: "C" }];
  const all = { width: 64, lines: [average([1]), average([1], { lacking: 1, left_out: 2_000 }),
    average([], { networks: 0, lacking: 2 })] };
  const words = "Not recorded of C. Networks without it: B (1). " +
    "Points left out, for some networks lack them: B (2,000).";
  assert.equal(lackingWords(lines, all, null), words);
  const fine = { width: 1, lines: [average([], { left_out: 40 }), average([1]), average([])] };
  assert.equal(lackingWords(lines, all, fine),
    `${words} Points left out of what is in sight, or beside it: A (40).`);
});

test("of many lines none is drawn in full until it is chosen", () => {
  assert.deepEqual([...inFull(3, [])], [0, 1, 2]);
  assert.deepEqual([...inFull(21, [])], []);
  assert.deepEqual([...inFull(21, [4, 99])], [4]);
});

test("a point is in the middle of its steps; a mean that is NaN breaks the line and is marked", () => {
  const bucket = average([2, "NaN", 4], { step: [0, 64, 128], last_step: [0, 127, 191],
    low: [1, "NaN", 3], high: [3, "NaN", 5], least: [0, 1, 2], most: [9, 8, 7] });
  const rows = rowsOf(bucket, null, false);
  assert.deepEqual([...rows.step], [0, 95.5, 159.5]);
  assert.deepEqual([...rowsOf(bucket, null, true).step], [95.5, 159.5], "there is no logarithm of 0");
  assert.deepEqual(reach([rows], false), [0, 9]);
  const look = { arm: 1, dash: /** @type {const} */ ("dash") };
  const marks = marksOf([{ rows, look, full: true }], { log: false, bottom: 0 });
  assert.deepEqual(marks.map(({ kind }) => kind), ["band", "band", "line", "rug"]);
  const [, interval, drawn] = /** @type {any[]} */ (marks);
  assert.deepEqual([...interval.y], [1, 3, NaN, 3, 5]);
  assert.ok(Number.isNaN(drawn.y[1]) && drawn.faint === false);
  const faint = marksOf([{ rows, look, full: false }], { log: false, bottom: 0 });
  assert.deepEqual(faint.map(({ kind }) => kind), ["line"]);
});

test("what is zoomed to is drawn from finer points, with what is around them as it was", () => {
  const coarse = average([1, 5, 3], { step: [1, 64, 128], last_step: [63, 127, 191],
    least: [0, 0, 2], most: [2, 10, 4] });
  const fine = average([1, 10, 0], { step: [64, 65, 127], last_step: [64, 65, 127] });
  const rows = rowsOf(coarse, fine, false);
  assert.deepEqual([...rows.step], [32, 64, 65, 127, 159.5]);
  assert.deepEqual([...rows.columns.mean.lo], [1, 1, 10, 0, 3]);
  assert.deepEqual([...rows.columns.range.hi], [2, NaN, NaN, NaN, 4], "what is exact has no range");
  const none = average([]);
  assert.deepEqual([...rowsOf(coarse, none, false).columns.mean.lo], [1, 5, 3]);
});

test("an axis holds what a line has in sight and where it goes on, nothing of one that has ended", () => {
  const rows = rowsOf(average([1, 2, 3, 4, 5]), null, false); // at 0, 10, …, 40
  /** @type {(first: number, last: number) => number[]} */
  const steps = (first, last) => [...crossing(rows, [first, last]).step];
  assert.deepEqual(steps(0, 40), [0, 10, 20, 30, 40]);
  assert.deepEqual(steps(10, 20), [0, 10, 20, 30]);
  assert.deepEqual(steps(12, 18), [10, 20]);
  assert.deepEqual([steps(35, 90), steps(41, 90)], [[30, 40], []]);
});

test("a wide interval does not flatten the means", () => {
  const rows = rowsOf(average([1, 2], { low: [-90, -90], high: [90, 2.2] }), null, false);
  assert.deepEqual(reach([rows], false), [0.5, 2.5]);
  const shares = rowsOf(average([0.1, 0.9], { low: [-9, 0.8], high: [9, 0.95] }), null, false);
  assert.deepEqual(reach([shares], false, true), [0, 1]);
  assert.equal(reach([rowsOf(average([]), null, false)], false), null);
});

test("a setting against an outcome: a point for each network, and those without are counted", () => {
  /** @type {(arm: string, lr: number, steps: number | null) => NetworkOutcome} */
  const network = (arm, lr, steps) => ({ line: 0, run: 1, arm, seed: 0,
    settings: { "optimizer.lr": lr, "network.kind": "mlp" }, last_accuracy: 0.5,
    best_accuracy: "NaN", steps_to_target: steps, first_nonfinite_step: null });
  const networks = [network("none", 0.01, null), network("none", 1, 300), network("BN", 1, 100)];
  assert.deepEqual(numeric(["network.kind", "optimizer.lr"], networks), ["optimizer.lr"]);
  const { quantity, points, lacking } = scatter(networks, "optimizer.lr", "steps_to_target", undefined);
  assert.deepEqual(points.map(({ series, x, value }) => [series, x, value]),
    [["none", 1, 300], ["BN", 1, 100]]);
  assert.equal(lacking, "not drawn: 1 network that did not reach the target");
  assert.ok(quantity.log_x, "from 0.01 to 1");
  const share = scatter(networks, "optimizer.lr", "last_accuracy", undefined).points;
  assert.deepEqual(share.map(({ value }) => value), [50, 50, 50]);
  const runs = [networks[0], { ...networks[0], run: 99 }];
  const alike = scatter(runs, "optimizer.lr", "last_accuracy", undefined).points;
  assert.equal(linesOf(alike, { x: false, y: false })[0].dots.y.length, 2, "every run is a dot");
});

test("a setting that the schema does not know is named once", () => {
  const fields = /** @type {any[]} */ ([{ path: "optimizer.lr", title: "Learning rate" }]);
  assert.deepEqual(settingOptions(["optimizer.lr", "lr"], fields),
    [["optimizer.lr", "Learning rate (optimizer.lr)"], ["lr", "lr"]]);
});

test("what is drawn is said, and a statistic that is not known is the usual one", () => {
  assert.equal(drawnWords({ width: 1, averaged: false, bucketed: false }), "");
  assert.match(drawnWords({ width: 64, averaged: true, bucketed: true }), /Of every 64 steps/);
  assert.equal(layerChart("nothing").statistic, "shift_w1");
  assert.equal(layerChart("effective_rank").table, "probe_records");
});
