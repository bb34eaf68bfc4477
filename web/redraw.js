/**
 * When charts are drawn: on animation frames, visible ones only, each at most five times a
 * second, and no more in one frame than leaves the page smooth. On a slow machine each is drawn
 * just over twice a second, so that a person's own doing is never in the queue for long.
 */

/**
 * Milliseconds between two drawings of a chart; the longer where the machine is slow. Records come
 * every 250 ms: with the same pause they would wait for each other.
 */
const SHORTEST_PAUSE = 200;
const LONGEST_PAUSE = 450;
/** Milliseconds of drawing in one frame, after which the other charts wait for the next. */
const BUDGET = 24;

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
/** What one chart costs, from the begin of its drawing to the next frame, in milliseconds. */
let cost = 15;
let inSight = 1;

const pauseNow = () => Math.min(LONGEST_PAUSE, Math.max(SHORTEST_PAUSE, 1.5 * cost * inSight));

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

/** While the mouse is down nothing is redrawn, so that dragging stays smooth. */
export function holdWhilePressed() {
  holdDrawing(true);
  window.addEventListener("pointerup", () => holdDrawing(false), { once: true });
  window.addEventListener("pointercancel", () => holdDrawing(false), { once: true });
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
  inSight = Math.max(due.length, 0.9 * inSight);
  const pause = Math.min(...due.map(({ drawnAt }) => drawnAt)) + pauseNow() - performance.now();
  if (pause > 0) window.setTimeout(() => requestAnimationFrame(run), pause);
  else requestAnimationFrame(run);
}

function run() {
  scheduled = false;
  if (held) return;
  const begin = performance.now();
  let drawn = 0;
  for (const chart of waiting) {
    if (!chart.visible || begin - chart.drawnAt < pauseNow()) continue;
    waiting.delete(chart);
    chart.drawnAt = begin;
    chart.draw();
    drawn += 1;
    if (performance.now() - begin > BUDGET) break;
  }
  if (drawn > 0) {
    requestAnimationFrame(() => {
      cost += 0.1 * ((performance.now() - begin) / drawn - cost);
    });
  }
  schedule();
}
