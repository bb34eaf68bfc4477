/**
 * The shapes that cross module borders. The first part mirrors server/*schemas.py (a test compares
 * it with the OpenAPI document), the rest is ours.
 */

/* ------------------------------------------------------------------ what the server says */

/** JSON has no NaN: a float that is not finite comes as text. */
export type Real = number | "NaN" | "Infinity" | "-Infinity";

export type Status = "queued" | "running" | "stopping" | "stopped" | "finished" | "failed";

export type Source = "experiment" | "study" | "watch" | "import";

export interface Run {
  id: number;
  name: string;
  /** An experiment or a study, which a worker runs, or a person's own loop, which is watched. */
  source: Source;
  catalog_entry: string | null;
  sweep_id: number | null;
  status: Status;
  /** Null for a watched run, and for a study that needs none. */
  dataset: string | null;
  /** The kind of network; of a watched run the class of its first model. */
  network: string | null;
  /** Of the arms, each once. */
  norms: string[];
  /** The experiment's, which arms may override. */
  lr: Real | null;
  /** A study has none. */
  arms: string[];
  seeds: number[];
  /** Of a study: how many measurements there are. */
  step: number;
  /** Null where nobody knows how long it will be: a study, or a watched loop. */
  steps: number | null;
  /** Steps that the observer looked at so far. */
  looked: number | null;
  /** The step up to which the rules have looked; null where they never did. */
  diagnosed: number | null;
  /** Share of the training time that observing took. */
  overhead: Real | null;
  /** Seconds that the loop waited for the recorder. */
  waited: Real | null;
  /** Seconds that the loop stood still for the gradient shift and the landscape. */
  measured: Real | null;
  steps_per_second: Real | null;
  summary: Record<string, { last_accuracy: Real; best_accuracy: Real }>;
  /** Steps to the target, reference ÷ the arm that was soonest; null before the end. */
  ratio: Real | null;
  /** Seconds from start to end; null before the end. */
  duration: Real | null;
  device: string | null;
  /** What made it, by name; null until a worker begins with it. */
  versions: Record<string, string> | null;
  phase: string | null;
  /** The step that it goes on from when it is resumed; null: the start. */
  checkpoint_step: number | null;
  error: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  stop_asked_at: string | null;
  tags: string[];
  note: string;
  archived: boolean;
  /** Null: it is not deleted. */
  deleted_at: string | null;
  /** When a person last changed its name, tags, note, or what became of it. */
  edited_at: string | null;
}

export interface Layer {
  id: number;
  name: string;
  kind: string;
  norm: string;
  activation: string;
  units: number;
  /** Numbers in the preactivation of one batch, and how many of them a record rests on. */
  elements: number | null;
  sampled: number | null;
}

export interface Network {
  id: number;
  arm: string;
  seed: number;
  parameters: number;
  weights_hash: string;
  diverged_step: number | null;
  frozen_step: number | null;
  layers: Layer[];
}

/** What a watched run watches; by arm where it says so. */
export interface Watched {
  program: string;
  host: string;
  pid: number;
  arms: string[];
  models: Record<string, string>;
  optimizers: Record<string, string[]>;
  /** How many layers are looked at. */
  attached: Record<string, number>;
  skipped: Skipped[];
  settings: Record<string, Json>;
  /** What is set of the rules; runs of earlier versions have none. */
  diagnosis?: { silenced: string[]; thresholds: string[] };
  /** Sentences: what could not be recorded, and why. */
  not_recorded: string[];
  /** A share of the training time. */
  overhead_cap: number | null;
}

/** A layer that is not looked at, and a sentence why. */
export interface Skipped {
  arm: string;
  name: string;
  reason: string;
}

/** Where a run came from that was imported, and what of it. */
export interface Imported {
  path: string;
  host: string;
  kind: "event files" | "CSV";
  series: string[];
  quantities: string[];
  seeds: number[];
  skipped: { name: string; reason: string }[];
}

/** One of `experiment`, `study`, `watched` and `imported` is not null. */
export interface RunDetail extends Run {
  /** Examples of a step, and of an epoch; null where nobody knows. */
  batch_size: number | null;
  training_examples: number | null;
  experiment: Experiment | null;
  study: Experiment | null;
  watched: Watched | null;
  imported: Imported | null;
  networks: Network[];
}

/** The first number of a network that was not finite; of the loss `layer` is null. */
export interface Offender {
  network_id: number;
  layer: string | null;
  statistic: string;
  step: number;
}

export interface Offenders {
  run: number;
  step: number;
  offenders: Offender[];
}

/** What a finding rests on: at its worst, over a range of steps. */
export interface Evidence {
  table: string;
  statistic: string;
  value: Real;
  threshold: Real;
  first: number;
  last: number;
}

/** What a rule noticed in a layer, a network or the run. */
export interface Finding {
  id: number;
  rule: string;
  title: string;
  severity: "warning" | "critical";
  /** Null where it is about the run. */
  network_id: number | null;
  arm: string | null;
  seed: number | null;
  /** Null where it is about the network. */
  layer_id: number | null;
  layer: string | null;
  first_step: number;
  last_step: number;
  evidence: Evidence;
  sentence: string;
  why: string;
  advice: string;
}

export interface Rule {
  name: string;
  title: string;
}

export interface Findings {
  run: number;
  /** How far the rules have looked; null: never. */
  diagnosed: number | null;
  silenced: Rule[];
  findings: Finding[];
}

/** Units of one network on the probe: one over its steps, or all at one step. */
export interface NetworkUnits {
  network_id: number;
  layer_id: number;
  arm: string;
  step: number[];
  mean: Real[] | null;
  std: Real[] | null;
  p15: Real[] | null;
  p50: Real[] | null;
  p85: Real[] | null;
  running_mean: Real[] | null;
  running_var: Real[] | null;
}

/** Units of one layer on the probe, in all arms of one seed. */
export interface Units {
  run: number;
  layer: string;
  seed: number;
  units: number;
  /** Null until the probe has been looked at. */
  typical: number | null;
  /** Null where all units are told. */
  unit: number | null;
  networks: NetworkUnits[];
}

/** Something that happened to a run. */
export interface LogEntry {
  id: number;
  at: string;
  level: "info" | "warning" | "error";
  message: string;
}

export interface Log {
  run: number;
  entries: LogEntry[];
}

/** What the processes of a run took of the machine, a column for each quantity. */
export interface Samples {
  run: number;
  samples: number;
  /** How many of them are one point. */
  every: number;
  seconds: number[];
  step: number[];
  cpu: Real[];
  memory: Real[];
  machine_cpu: Real[];
  machine_memory: Real[];
  gpu: Real[];
  gpu_memory: Real[];
}

/** What one series had recorded at a step, or last before it. */
export interface SeriesRecord {
  table: string;
  network_id: number | null;
  layer_id: number | null;
  seed: number | null;
  /** Null where nothing was recorded until then. */
  step: number | null;
  /** By statistic; null where it does not apply. */
  values: { [statistic: string]: Real | null };
}

/** The records of one step. */
export interface Moment {
  run: number;
  step: number;
  records: SeriesRecord[];
}

export interface Runs {
  runs: Run[];
  /** How many match, on all pages. */
  total: number;
  /** The offset of the next page. */
  next: number | null;
}

/** Of all runs of a list, in order. */
export interface Numbers {
  runs: number[];
}

/** Test accuracy of one arm of a run, in few points: step and accuracy. */
export interface Sparkline {
  run: number;
  arm: string;
  points: [number, number][];
}

export interface Sparklines {
  sparklines: Sparkline[];
}

/** How many findings a run has, and the severity of the worst. */
export interface FindingCount {
  run: number;
  findings: number;
  severity: "warning" | "critical" | null;
}

export interface FindingCounts {
  counts: FindingCount[];
}

export interface SettingsOfRuns {
  settings: SettingValues[];
}

/** What a run has of some settings, by path; null where it has none. */
export interface SettingValues {
  run: number;
  values: Record<string, string | number | boolean | null>;
}

/** Something that runs can be searched by, and values to suggest. */
export interface SearchKey {
  name: string;
  /** Whether it is a setting, which can be a column. */
  setting: boolean;
  kind: "word" | "words" | "text" | "number" | "share" | "time" | "flag" | "any";
  about: string;
  values: string[];
}

export interface SearchKeys {
  keys: SearchKey[];
  sorts: string[];
}

export type BulkAction =
  "stop" | "resume" | "again" | "archive" | "unarchive" | "delete" | "restore" | "tag" | "untag"
  | "rename" | "note";

/** A run that was left as it was, and why. */
export interface Refused {
  run: number;
  detail: string;
}

export interface Bulk {
  runs: number[];
  /** The numbers of new runs. */
  new: number[];
  refused: Refused[];
}

/** Something that is said of an experiment, and when a run of it bears it out. */
export interface Claim {
  number: string;
  statement: string;
  source: string;
  criterion: string;
  expected: Result;
}

export type Result =
  | "reproduced" | "not reproduced" | "inconclusive" | "not this claim’s settings";

/** Something that a study measures: a chart. */
export interface Quantity {
  name: string;
  title: string;
  unit: string;
  x: string;
  shows: string;
  log_x: boolean;
  log_y: boolean;
}

/** One of `experiment` and `study` is not null. */
export interface CatalogEntry {
  name: string;
  title: string;
  claim: string;
  source: string;
  stated: string[];
  left_open: string[];
  experiment: Experiment | null;
  study: Experiment | null;
  claims: Claim[];
  /** What a study measures, in the order of its charts. */
  quantities: Quantity[];
}

/** One number that a study found. */
export interface Measurement {
  seed: number;
  quantity: string;
  series: string;
  x: Real;
  value: Real;
}

export interface Measurements {
  run: number;
  step: number;
  after: number;
  measurements: Measurement[];
}

/** One series over stretches of x; an entry of each list is a bucket. */
export interface MeasuredBuckets {
  series: string;
  /** Whether some x has several values: of seeds, or logged more than once. */
  several: boolean;
  /** Where it was first and last measured. */
  x: Real[];
  last_x: Real[];
  /** Of the finite values; NaN where there is none. */
  low: Real[];
  high: Real[];
  mean: Real[];
  /** How many values are not finite. */
  nan: number[];
  infinite: number[];
}

/** One quantity over a range of x: all its measurements, or each series in buckets. */
export interface Measured {
  run: number;
  quantity: string;
  count: number;
  /** How many there are at no finite x, besides. */
  beside: number;
  /** Of a bucket, in x. */
  width: Real | null;
  /** Null: there are buckets. */
  measurements: Measurement[] | null;
  buckets: MeasuredBuckets[];
}

/** A number over seeds, with its interval at 95 %; one seed has none. */
export interface OverSeeds {
  value: Real;
  low: Real | null;
  high: Real | null;
  seeds: number;
}

/** Steps of the reference ÷ steps of an arm; the bounds are what evaluations leave no doubt of. */
export interface Ratio {
  estimate: OverSeeds | null;
  at_least: Real;
  at_most: Real;
}

/** One arm in numbers, and beside the reference. */
export interface Comparison {
  arm: string;
  seeds: number;
  /** How many of them reached the target. */
  reached: number;
  steps_to_target: Real | null;
  ratio: Ratio | null;
  last_step: number | null;
  last_accuracy: Real | null;
  best_accuracy: Real | null;
  difference: OverSeeds | null;
  diverged: number;
  first_nonfinite_step: number | null;
}

/** What a run says of a claim. */
export interface Outcome {
  claim: Claim;
  result: Result;
  reason: string;
}

/** Values of one setting of a sweep: a list, or a range. */
export type Swept = { setting: string; values: Json[] }
  | { setting: string; values?: undefined; spread: Spread; low: Json; high: Json; count: Json };
export type Spread = "lin" | "log" | "uniform" | "loguniform";

/** A sweep to check or to start. */
export interface SweepAsked {
  experiment: Experiment;
  catalog_entry: string | null;
  over: Swept[];
  /** Null: a grid; else so many runs, each with values drawn at random. */
  draws: Json;
  seed: Json;
}

/** What a sweep would be; `values` has a row for each run. */
export interface SweepValidated {
  settings: string[];
  values: Json[][];
  runs: number;
  networks: number;
  estimate: Estimate;
}

export interface Sweep {
  id: number;
  name: string;
  catalog_entry: string | null;
  /** Paths of the swept settings. */
  settings: string[];
  /** How many of its runs there are of each status. */
  statuses: Partial<Record<Status, number>>;
  created_at: string;
}

export interface Sweeps {
  sweeps: Sweep[];
}

/** A sweep as one row of the list; its statuses and its best are of those runs that match. */
export interface FoldedSweep {
  sweep: Sweep;
  /** Those of its runs that match, in the order of the list. */
  runs: number[];
  /** How many it has in all. */
  size: number;
  best: Best | null;
}

/** The run that finished with the highest test accuracy, and its values of the swept settings. */
export interface Best {
  run: number;
  accuracy: number | string;
  values: Json[];
}

/** A run, a sweep, or, with both numbers, a run of a sweep that is opened. */
export interface Row {
  sweep: number | null;
  run: number | null;
}

/** Of every row the numbers of its runs, in order. */
export interface RowNumbers {
  rows: number[][];
}

/** A page of the list of runs with its sweeps folded. */
export interface FoldedRuns {
  rows: Row[];
  runs: Run[];
  sweeps: FoldedSweep[];
  /** How many rows there are, on all pages. */
  total: number;
  /** How many runs match. */
  matched: number;
  /** How many rows of all pages are sweeps. */
  folded: number;
  next: number | null;
}

/** What one arm of a run that finished came to, over its seeds. */
export interface ArmSummary {
  arm: string;
  seeds: number;
  diverged: number;
  /** How many of them reached the target. */
  reached: number;
  last_accuracy: OverSeeds | null;
  /** Null unless all reached it. */
  steps_to_target: OverSeeds | null;
}

export interface SweepMember {
  run: Run;
  values: Json[];
  /** Empty before it finished. */
  arms: ArmSummary[];
}

export interface SweepDetail {
  sweep: Sweep;
  /** What is swept, and over what. */
  document: { experiment: Experiment; draws: number | null; [key: string]: Json };
  target: number;
  members: SweepMember[];
}

export interface Verdict {
  run: number;
  step: number;
  ended: boolean;
  sentence: string;
  /** Null for a study, and for a watched run, which has no test set. */
  criterion: string | null;
  target: number | null;
  /** The target is the reference's last accuracy, for no network reached 90 %. */
  fallback: boolean;
  comparisons: Comparison[];
  outcomes: Outcome[];
}

/** A setting in which runs differ: a value for each run, of an arm or of the run. */
export interface Setting {
  path: string;
  arm: string | null;
  values: Json[];
  /** The places of runs that have no such setting. */
  lacking: number[];
}

/** Networks that are looked at as one, and what they come to. */
export interface Line {
  label: string;
  arm: string;
  /** Null where they may be of several runs. */
  run: number | null;
  /** Of the setting by which networks are grouped. */
  value: Json;
  lacks: boolean;
  runs: number[];
  /** How many there are, and how many were left out, for they repeat another. */
  members: number;
  repeats: number;
  /** Settings in which they differ. */
  varying: string[];
  /** How many were evaluated, and how many of them reached the target. */
  networks: number;
  reached: number;
  steps_to_target: OverSeeds | null;
  best_accuracy: OverSeeds | null;
  last_accuracy: OverSeeds | null;
  last_step: number | null;
  diverged: number;
  first_nonfinite_step: number | null;
  /** The steps to the target in words, also where there is no number. */
  words: string;
}

/** What one network came to, and those of its settings that differ between networks. */
export interface NetworkOutcome {
  line: number;
  run: number;
  arm: string;
  seed: number;
  settings: Record<string, Json>;
  last_accuracy: Real | null;
  best_accuracy: Real | null;
  steps_to_target: Real | null;
  first_nonfinite_step: number | null;
}

export interface LayerName {
  name: string;
  networks: number;
}

/** Runs beside each other. */
export interface Compared {
  runs: Run[];
  group: string;
  /** The settings by which networks can be grouped. */
  groups: string[];
  target: number;
  fallback: boolean;
  criterion: string;
  ended: boolean;
  /** Sentences on what is lacking. */
  notes: string[];
  lines: Line[];
  networks: NetworkOutcome[];
  settings: Setting[];
  /** How many settings do not differ. */
  equal: number;
  layers: LayerName[];
}

/** The mean of a statistic over the networks of a line. */
export interface Average {
  /** How many have the statistic, and how many do not. */
  networks: number;
  lacking: number;
  /** Points that some of them lack. */
  left_out: number;
  step: number[];
  last_step: number[];
  mean: Real[];
  /** The ends of the interval; NaN where there is none. */
  low: Real[];
  high: Real[];
  /** The extremes of any network; null where every point is a record. */
  least: Real[] | null;
  most: Real[] | null;
}

export interface Averages {
  width: number;
  lines: Average[];
}

/** A study has only `seconds`, and not even these before one like it has ended. */
export interface Estimate {
  seconds: number | null;
  steps_per_second: number | null;
  bytes: number | null;
  basis: string;
}

export interface Validated {
  experiment: Experiment | null;
  study: Experiment | null;
  estimate: Estimate;
}

export interface Worker {
  id: number;
  host: string;
  pid: number;
  devices: string[] | null;
  heartbeat_at: string;
}

export interface Dataset {
  available: boolean;
  note: string;
}

export interface System {
  version: string;
  started_at: string;
  database: string;
  workers: Worker[];
  datasets: Record<string, Dataset> | null;
  /** Of exports. */
  formats: string[];
}

/** Who asks, and whether they may change anything. */
export interface Access {
  name: string;
  read_only: boolean;
}

/** A change that someone asked for, done or refused. */
export interface AuditEntry {
  id: number;
  at: string;
  who: string;
  what: string;
  run_id: number | null;
  answer: number | null;
}

export interface Audit {
  entries: AuditEntry[];
}

export interface FieldProblem {
  field: string;
  message: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: FieldProblem[] | null;
  /** Where a query is not understood. */
  position?: number | null;
}

/** Statistics of one network, of one layer or, in `ensemble_records`, of a seed. */
export interface Selection {
  table: "layer_records" | "network_records" | "evaluations" | "probe_records"
    | "ensemble_records" | "gradient_shift_records" | "landscape_records" | "unit_records";
  network_id: number | null;
  layer_id?: number | null;
  seed?: number | null;
  statistics: string[];
}

/** What a statistic is: its unit, empty where it has none, and its formula in plain text. */
export interface Definition {
  unit: string;
  definition: string;
}

/** By table and name. */
export type Definitions = Record<string, Record<string, Definition>>;

/** A JSON document; the schema says what is in it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Experiment = { [key: string]: Json };

export type LiveMessage =
  | { type: "run"; run: Run }
  | { type: "networks"; run: number; networks: Network[] }
  | ({ type: "findings" } & Findings)
  | { type: "error"; detail: string };

/** What one rule found. */
export interface FindingGroup {
  rule: string;
  title: string;
  severity: Finding["severity"];
  why: string;
  advice: string;
  arms: FindingsOfArm[];
}

/** What one rule found of one arm; null: of the run. */
export interface FindingsOfArm {
  arm: string | null;
  findings: Finding[];
  seeds: number[];
  layers: string[];
  first: number;
  last: number;
}

/* ------------------------------------------------------------------ records */

/** One statistic of `Rows`: per row its smallest and largest number, and what else was there. */
export interface Column {
  lo: Float64Array;
  hi: Float64Array;
  /** 0: numbers only, 1: does not apply, 2: a NaN was recorded. */
  flag: Uint8Array;
}

/** The records of one selection, exact (`width` 1) or in buckets of `width` steps. */
export interface Rows {
  width: number;
  step: Float64Array;
  last: Float64Array;
  columns: Record<string, Column>;
}

export interface FrameSeries {
  key: string;
  /** These rows replace all from this step on. */
  first: number;
  rows: Rows;
}

export interface Frame {
  run: number;
  latest: number;
  series: FrameSeries[];
}

/** An array of all units of a layer, over looks at the probe, in all arms of a seed. */
export interface UnitMatrices {
  layer: string;
  array: string;
  /** How many looks there are, of which every so many is told. */
  looks: number;
  every: number;
  networks: {
    network_id: number;
    units: number;
    step: number[];
    /** All units at the first look, at the second, …; null where the array does not apply. */
    values: Float32Array | null;
  }[];
}

/** First and last step, both included. */
export type Range = [number, number];

/* ------------------------------------------------------------------ charts */

export type Dash = "solid" | "dash" | "dot" | "dashdot";

/** What a chart draws; plot.js alone knows how. `arm` chooses the colour. */
export type Mark =
  /** `faint`: its smoothed line matters more. */
  | { kind: "line"; arm: number; dash: Dash; points: boolean; dense: boolean; faint?: boolean;
      x: Float64Array; y: Float64Array }
  /** Single records, each marked; `faint`: they stand beside a line that matters more. */
  | { kind: "dots"; arm: number; faint?: boolean; x: Float64Array; y: Float64Array }
  | { kind: "band"; arm: number; level: number; x: Float64Array; y: Float64Array }
  /** `row` counts the rugs of a plot area, from the axis upwards. */
  /** What chance gives: shaded from the axis up to `y`. */
  | { kind: "floor"; arm: number; x: Float64Array; y: Float64Array }
  | { kind: "rug"; arm: number; row: number; x: Float64Array; text: string }
  /** Cells between the edges `x` and `y`, by row: null has no colour; `scale` is lowest and highest. */
  | { kind: "heat"; arm: number; x: Float64Array; y: Float64Array; z: (number | null)[][];
      scale: Range }
  /** Cells whose value is no number, or has no logarithm: 1 is one. */
  | { kind: "holes"; arm: number; x: Float64Array; y: Float64Array; z: (number | null)[][] };

/** The value of one thing at one step, as the readout shows it. */
export interface Reading {
  arm: number;
  dash: Dash;
  name: string;
  value: string;
}

/** One plot area: a chart has one, a fan one for each arm. */
export interface Cell {
  marks: Mark[];
  /** Why nothing is drawn, when nothing is. */
  note: string | null;
}

/** What a chart may look at: the networks of one seed, one layer of them, and their records. */
export interface View {
  networks: Network[];
  layer: string | null;
  /** Layers that are not looked at, and why. */
  skipped: Skipped[];
  /** The steps in sight. */
  range: Range;
  log: boolean;
  /** Half-life of the moving average in steps; 0 is none. */
  smooth: number;
  /** Whether rows are those of an arm minus the reference, which has none itself. */
  difference: boolean;
  /** Whether the run still records, so that more may come. */
  growing: boolean;
  /** Whether records are on their way to the page. */
  loading: boolean;
  rows(selection: Omit<Selection, "statistics">): Rows | undefined;
}

/** A chart: what it needs, and how rows become marks. Pure; one for each file of charts/. */
export interface Chart {
  id: string;
  title: string;
  /** One line: what it shows and what to look for. */
  hint: string;
  /** Title of the vertical axis, with its unit. */
  axis: string;
  percent: boolean;
  /** Whether the vertical axis starts as logarithmic; null: a logarithm makes no sense. */
  log: boolean | null;
  /** Whether charts of different layers share the vertical axis when it is logarithmic. */
  shared: boolean;
  /** Whether it is lines of the arms, which can be smoothed and subtracted. */
  lines: boolean;
  /** Of a heat map, whose vertical axis has rows in place of values: at most so many have a label. */
  rowAxis?(view: Pick<View, "networks" | "layer">, most: number): ValueAxis;
  /** How many plot areas it has. */
  cells(view: Pick<View, "networks">): number;
  needs(view: Pick<View, "networks" | "layer">): Selection[];
  /** What it draws, where that comes another way. */
  draws?(view: Pick<View, "networks" | "layer">): Selection[];
  draw(view: View): Cell[];
  /** Lowest and highest number that is drawn; null when there is none. */
  extent(view: View): Range | null;
  /** Per plot area the readings at a step. */
  read(view: View, step: number): Reading[][];
}

/** What a chart of a moment draws, and how it reads. */
export interface MomentDrawing {
  cell: Cell;
  x: ValueAxis;
  y: ValueAxis;
  log: boolean;
  /** The readings where the pointer is on the horizontal axis; null: nowhere. */
  read(x: number | null): Reading[];
  /** What these are the readings of. */
  told(x: number): string;
}

/** A chart of one step, whose horizontal axis is something else. Pure; one for each file of charts/. */
export interface MomentChart extends
  Pick<Chart, "id" | "title" | "hint" | "axis" | "log" | "lines"> {
  /** Title of the horizontal axis. */
  across: string;
  needs(view: Pick<View, "networks" | "layer">): Selection[];
  /** `room`: pixels of the plot area. */
  draw(view: View, record: (selection: Omit<Selection, "statistics">) => SeriesRecord | undefined,
    room: { width: number; height: number }): MomentDrawing;
}

/** One layer of all twins, as the page lists it. */
export interface LayerRow {
  name: string;
  about: string;
  /** How many elements its percentiles rest on, where those are not all. */
  sample: string;
  norms: string[];
  /** The arms that have it, where others have not. */
  only: string[];
}

/** Layers that are shown together; `first` counts those before them. */
export interface LayerPage {
  title: string;
  first: number;
  rows: LayerRow[];
}

/** Where a plot area lies inside its element, in pixels. */
export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

export interface StepAxis {
  range: Range;
  /** Distance of ticks. */
  tick: number;
}

export interface ValueAxis {
  /** On a logarithmic axis in powers of ten. */
  range: Range;
  /** Where ticks are, and what they say. */
  values: number[];
  labels: string[];
}

/** Everything plot.js needs for one drawing. */
export interface Drawing {
  cells: Cell[];
  boxes: Box[];
  width: number;
  height: number;
  x: StepAxis | ValueAxis;
  y: ValueAxis;
  log: boolean;
  logX: boolean;
  /** Whether a drag across it zooms. */
  zooms: boolean;
}

/** What the horizontal axis of a run counts. */
export type AcrossUnit = "step" | "examples" | "epoch" | "seconds";

/** The horizontal axis: what a step comes to, and back. */
export interface Across {
  unit: AcrossUnit;
  log: boolean;
  to(step: number): number;
  from(value: number): number;
}

/** How charts are drawn; null leaves it as it is remembered. */
export interface Look {
  x: AcrossUnit | null;
  logX: boolean | null;
  /** Half-life of the moving average in steps; 0 is none. */
  smooth: number | null;
  /** Whether arms are drawn as their difference from the first. */
  difference: boolean | null;
  /** By chart, whether its vertical axis is logarithmic. */
  log: Record<string, boolean>;
}

/* ------------------------------------------------------------------ the form */

export type FieldKind = "number" | "integer" | "text" | "choice" | "boolean" | "list" | "table";

/** One setting of the form, flattened out of the JSON Schema. */
export interface Field {
  path: string;
  kind: FieldKind;
  title: string;
  description: string;
  unit: string;
  group: string;
  default: Json | undefined;
  choices: string[];
  /** Such as "1 to 4,096" or "above 0, up to 1,000"; empty when anything goes. */
  range: string;
  nullable: boolean;
  /** What it means to be empty, where it may. */
  empty: string;
  /** Of a list: what its items are. Of a table: its columns. */
  items: Field[];
  least: number;
  most: number;
}

/* ------------------------------------------------------------------ the page */

export type Connection = "connecting" | "live" | "reconnecting";
export type Theme = "system" | "light" | "dark";

/** A unit of a layer; null is the layer's typical one. */
export interface ChosenUnit {
  layer: string;
  unit: number | null;
}

/** The address of a comparison. */
export interface ComparePlace {
  view: "compare";
  runs: number[];
  /** `run`, `arm`, or the path of a setting. */
  group: string;
  layout: "overlay" | "grid";
  /** Whether steps are on a logarithmic axis. */
  logX: boolean;
  /** The charts whose vertical axis is logarithmic. */
  logs: string[];
  /** The steps in sight; null: all. */
  range: Range | null;
  target: number | null;
  /** Of the layers' chart. */
  statistic: string;
  /** Null leaves the choice to the page. */
  layer: string | null;
  /** The lines that were chosen, by their place; none: all. */
  lines: number[];
  /** The setting against which the outcome is drawn. */
  setting: string | null;
  outcome: string;
  /** The chart to bring into sight. */
  chart: string | null;
}

/** What the address says. */
export type Place =
  | ComparePlace
  /** `sort` is a key of docs/search.md; a minus sign before it turns the order around. */
  | { view: "runs"; query: string; sort: string;
      /** Runs of a sweep are rows of their own, not one. */
      apart: boolean;
      /** The sweeps whose runs are shown below their row. */
      open: number[] }
  | { view: "audit" }
  | { view: "new"; entry: string | null; again: number | null }
  | { view: "run"; run: number; tab: string; seed: number | null; range: Range | null;
      /** A layer of the page that is shown, and what layers are searched for. */
      layer: string | null; find: string | null;
      /** The unit that Figure 1 b and c draw; null leaves the choice to them. */
      unit: ChosenUnit | null;
      /** The accuracy that the verdict asks for; null leaves the choice to it. */
      target: number | null;
      /** The step that the charts are read at; null follows the run. */
      step: number | null;
      /** A chart to be shown, and its layer where it has one: `fan:hidden2`. */
      chart: string | null;
      look: Look }
  /** `by`: the setting on the horizontal axis; what is null is left to the page. */
  | { view: "sweep"; sweep: number; by: string | null; together: boolean | null;
      target: number | null; chart: string | null }
  | { view: "missing" };

/** A view that is on the page; `update` tells it that only its own part of the address changed. */
export interface Mounted {
  element: HTMLElement;
  title: string;
  update?(place: Place): void;
  close?(): void;
}

/** The little of Plotly that plot.js uses. */
export interface PlotlyLibrary {
  version: string;
  react(element: HTMLElement, traces: object[], layout: object, config?: object): Promise<unknown>;
  toImage(figure: object, options: object): Promise<string>;
  purge(element: HTMLElement): void;
}

export interface PlotlyElement extends HTMLElement {
  on(event: string, listener: (event: Record<string, unknown>) => void): void;
}

/* ------------------------------------------------------------------ the list of runs */

/** Something to put into a query: `text` takes the place of what stands from `start` to `end`. */
export interface Suggestion {
  text: string;
  about: string;
  start: number;
  end: number;
}

/** A cell of a run's row; it is built once and shows the run again and again. */
export interface RunCell {
  element: HTMLElement;
  show(run: Run): void;
}

declare global {
  interface Window {
    Plotly?: PlotlyLibrary;
  }
}
