/** The two charts of a sweep: final accuracy and steps to the target, by a swept setting. */

/** @import { Json, Range, SweepDetail, SweepMember } from "../types" */
/** @import { Across, Outcome } from "../swept.js" */
/** @import { Content, Source } from "./point_chart.js" */

import { outcomesUrl } from "../asking/files.js";
import { armDash } from "../charts/lines.js";
import { logAxis, shareAxis } from "../scale.js";
import { drawable, heightOf, marksOf, pointsOf, targetWords, wordsByX } from "../swept.js";
import { ownFormula } from "./chart_menu.js";
import { PointChart } from "./point_chart.js";
import { isActive } from "./status.js";

/** @type {Outcome[]} */
const OUTCOMES = ["last_accuracy", "steps_to_target"];

/** How the numbers of each come about. */
const DEFINITIONS = {
  last_accuracy: "Share of the test set that a network classifies right at the last evaluation; " +
    "the mean over the seeds of a run’s arm.",
  steps_to_target: "Steps until the test accuracy first reached the target, interpolated between " +
    "evaluations; the geometric mean over the seeds of a run’s arm, where all reached it.",
};
const INTERVALS = " Whiskers are its interval over seeds at 95 %, by bootstrap. Only runs that " +
  "finished are drawn.";

/** Of an axis of steps, where nothing lies before it. */
const BEGIN = 1.1;

/**
 * @typedef {object} Shown What a pair of charts draws, of a sweep as it is now.
 * @property {SweepDetail} detail
 * @property {SweepMember[]} members
 * @property {Across} across
 * @property {number} at The place of the setting that is on the horizontal axis
 * @property {boolean} joined Whether a line joins the runs of an arm; else each run is a dot
 */

/**
 * @param {string} title Of the horizontal axis
 * @param {string} within What all its runs have in common, in words; may be empty
 * @param {() => Shown} shown
 * @param {(outcome: Outcome) => string} linkTo An address that opens the chart as it is
 */
export function sweepCharts(title, within, shown, linkTo) {
  return OUTCOMES.map((outcome) => new PointChart({
    id: outcome,
    within,
    title: outcome === "last_accuracy" ? "Final accuracy" : "Steps to the target",
    unit: outcome === "last_accuracy" ? "share of the test set" : "steps",
    across: title,
    shows: outcome === "last_accuracy"
      ? "On the test set at the end, mean over seeds. A tick at the edge: a network diverged."
      : "Until the target was first reached, mean over seeds. A tick at the edge: not by all seeds.",
    source: () => source(shown(), outcome, linkTo(outcome)),
  }, () => content(shown(), outcome)));
}

/**
 * @param {Shown} shown
 * @param {Outcome} outcome
 * @param {string} address
 * @returns {Source}
 */
const source = ({ detail: { sweep, target } }, outcome, address) => ({
  of: `Sweep ${sweep.id}, ${sweep.name}` +
    (outcome === "steps_to_target" ? `; target ${targetWords(target)}` : ""),
  file: ["sweep", sweep.id],
  formula: ownFormula(outcome, outcome === "last_accuracy" ? "share" : "steps",
    DEFINITIONS[outcome] + INTERVALS),
  csv: [{ href: outcomesUrl(sweep.id, target), about: "each arm of each run that finished" }],
  address });

/**
 * @param {Shown} shown
 * @param {Outcome} outcome
 * @returns {Content}
 */
function content({ detail, members, across, at, joined }, outcome) {
  const arms = /** @type {{ name: string }[]} */ (detail.document.experiment.arms);
  const isShare = outcome === "last_accuracy";
  /** @param {Json[]} values */
  const placeOf = (values) => across.placeOf(values[at]);
  const lines = arms.map(({ name }, arm) => {
    const points = pointsOf(members, arm, placeOf);
    return { name, ...wordsByX(points, outcome),
      marks: marksOf(points, arm, { outcome, dash: armDash(arm), joined }) };
  });
  // Of all runs, so that charts apart have one axis.
  const every = arms.flatMap((_, arm) => marksOf(pointsOf(detail.members, arm, placeOf), arm,
    { outcome, dash: "solid", joined }));
  const finished = members.filter((member) => member.arms.length > 0);
  const seeds = Math.max(0, ...finished.flatMap((member) => member.arms.map((arm) => arm.seeds)));
  const steps = Math.max(2, ...members.map(({ run }) => run.steps ?? 0));
  const isNowhere = finished.length > 0 &&
    finished.every((member) => member.arms.every((arm) => drawable(arm, outcome) === null));
  return {
    lines: finished.length ? lines : [],
    log: { x: across.log, y: !isShare },
    axes: ({ across: ticks, up }) => ({ x: across.axis(ticks),
      y: isShare ? shareAxis(heightOf(every, [0, 1]), up)
        : logAxis(widened(heightOf(every, [BEGIN, steps])), up) }),
    where: (x) => [x === null ? "last point" : `at ${across.words(x)}`,
      seeds > 1 && (joined ? "mean, interval over seeds" : "mean of the seeds")].filter(Boolean)
      .join(", "),
    empty: detail.members.some(({ run }) => isActive(run)) ? "no run has finished yet"
      : "no run finished",
    odd: isNowhere ? isShare ? "In every run a network of each arm diverged."
      : `No arm of any run reached ${targetWords(detail.target)} with all its seeds.` : "",
  };
}

/**
 * A range that spans a factor of 4 at least, so that there are ticks in it.
 * @param {Range} range
 * @returns {Range}
 */
const widened = ([low, high]) => high / low >= 4 ? [low, high]
  : [Math.sqrt(low * high) / 2, Math.sqrt(low * high) * 2];
