/** The ensemble of all networks of a run, as one more line in a chart of theirs. */

/** @import { Chart, Dash, View } from "../types" */

import { TOGETHER } from "../dom.js";
import { percent } from "../format.js";
import { extent, FEW, line, union } from "../traces.js";
import { valueAt } from "./lines.js";

/** The run's own series, of no network. */
const SERIES = /** @type {const} */ ({ table: "ensemble_records", network_id: null });
const STATISTIC = "test_accuracy";
/** @type {Dash} */
const DASH = "dashdot";

/**
 * A chart of the networks' test accuracy, with that of their ensemble.
 * @param {Chart} chart
 * @returns {Chart}
 */
export function withEnsemble(chart) {
  /** @param {View} view */
  const found = (view) => {
    const rows = view.rows(SERIES);
    return { rows, column: rows?.columns[STATISTIC] };
  };
  return {
    ...chart,
    hint: `${chart.hint} Ensemble: the mean of the class probabilities of all networks of the run.`,
    needs: (view) => [...chart.needs(view), { ...SERIES, statistics: [STATISTIC] }],
    draw(view) {
      const [cell] = chart.draw(view);
      const { rows, column } = found(view);
      if (!rows) return [cell];
      const drawn = line(rows, column, view.log);
      if (drawn.x.length === 0) return [cell];
      const points = drawn.x.length <= FEW;
      return [{ note: null, marks: [...cell.marks,
        { kind: "line", arm: TOGETHER, dash: DASH, points, dense: false, ...drawn }] }];
    },
    extent: (view) => union([chart.extent(view), extent([found(view).column], view.log)]),
    read(view, step) {
      const [readings] = chart.read(view, step);
      const { rows, column } = found(view);
      return [[...readings, { arm: TOGETHER, dash: DASH, name: "ensemble",
        value: valueAt(rows, column, step, (value) => percent(value)) }]];
    },
  };
}
