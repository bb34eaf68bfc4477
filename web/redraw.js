/**
 * When charts are drawn: on animation frames, visible ones only, each at most four times a
 * second, and no more in one frame than leaves the page smooth.
 */

const PAUSE = 250;
const BUDGET = 12;

/**
 * @typedef {object} Drawable
 * @property {boolean} visible
 * @property {number} drawnAt When it was drawn last, in the clock of `performance.now`
 * @property {() => void} draw
 */

/** @type {Set<Drawable>} */
const waiting = new Set();
let scheduled = false;
let held = false;

/**
 * Draw soon; a chart that is out of sight waits until it comes into sight.
 * @param {Drawable} chart
 * @param {{ now?: boolean }} [options] `now`: a person waits for it, without the pause
 */
export function redraw(chart, { now = false } = {}) {
  if (now) chart.drawnAt = -Infinity;
  waiting.add(chart);
  schedule();
}

/**
 * Draw nothing while a person drags; afterwards go on.
 * @param {boolean} hold
 */
export function holdDrawing(hold) {
  held = hold;
  schedule();
}

/**
 * Forget a chart that left the page.
 * @param {Drawable} chart
 */
export function forget(chart) {
  waiting.delete(chart);
}

function schedule() {
  if (scheduled || held) return;
  const due = [...waiting].filter(({ visible }) => visible);
  if (due.length === 0) return;
  scheduled = true;
  const pause = Math.min(...due.map(({ drawnAt }) => drawnAt)) + PAUSE - performance.now();
  if (pause > 0) window.setTimeout(() => requestAnimationFrame(run), pause);
  else requestAnimationFrame(run);
}

function run() {
  scheduled = false;
  if (held) return;
  const begin = performance.now();
  for (const chart of waiting) {
    if (!chart.visible || performance.now() - chart.drawnAt < PAUSE) continue;
    waiting.delete(chart);
    chart.drawnAt = performance.now();
    chart.draw();
    if (performance.now() - begin > BUDGET) break;
  }
  schedule();
}
