/** The ensemble of the networks of a seed, as one more line in a chart of theirs. */

/** @import { Chart, Dash, View } from "../types" */

import { TOGETHER } from "../dom.js";
import { percent } from "../format.js";
import { extent, FEW, line, union } from "../traces.js";
import { valueAt } from "./lines.js";

const STATISTIC = "test_accuracy";
/** @type {Dash} */
const DASH = "dashdot";

/**
 * A chart of the networks' test accuracy, with that of their ensemble.
 * @param {Chart} chart
 * @param {number} seed Whose networks they are
 * @returns {Chart}
 */
export function withEnsemble(chart, seed) {
  const series = /** @type {const} */ ({ table: "ensemble_records", network_id: null, seed });
  /** @param {View} view */
  const found = (view) => {
    const rows = view.rows(series);
    return { rows, column: rows?.columns[STATISTIC] };
  };
  return {
    ...chart,
    hint: `${chart.hint} Ensemble: the mean of the class probabilities of all arms.`,
    needs: (view) => [...chart.needs(view), { ...series, statistics: [STATISTIC] }],
    draw(view) {
      const [cell] = chart.draw(view);
      const { rows, column } = found(view);
      if (!rows || view.difference) return [cell];
      const drawn = line(rows, column, view.log);
      if (drawn.x.length === 0) return [cell];
      const points = drawn.x.length <= FEW;
      return [{ note: null, marks: [...cell.marks,
        { kind: "line", arm: TOGETHER, dash: DASH, points, dense: false, ...drawn }] }];
    },
    extent: (view) => union([chart.extent(view), extent([found(view).column], view.log)]),
    read(view, step) {
      const [readings] = chart.read(view, step);
      if (view.difference) return [readings];
      const { rows, column } = found(view);
      return [[{ arm: TOGETHER, dash: DASH, name: "ensemble",
        value: valueAt(rows, column, step, (value) => percent(value)) }, ...readings]];
    },
  };
}
