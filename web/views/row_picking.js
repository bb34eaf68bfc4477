/** Rows of a heat map: read under the pointer, and gone to by a click. */

/** @import { Panel } from "./panel.js" */

import { place } from "../geometry.js";
import { store } from "../state.js";

/** So many pixels between press and release are still a click. */
const STILL = 4;

/**
 * The row under the pointer is read; a click, or Enter after the arrows, goes where it belongs.
 * @param {Panel} panel
 * @param {object} what
 * @param {{ at: number | null }} what.row
 * @param {number} what.height
 * @param {() => number} what.count
 * @param {number} what.cells
 * @param {(row: number) => void} what.onPick
 */
export function pickRows(panel, { row, height, count, cells, onPick }) {
  const { plot } = panel;
  const show = () => panel.read(store.get().cursor);
  /** @param {MouseEvent} event */
  const under = ({ clientX, clientY }) => {
    const bounds = plot.getBoundingClientRect();
    const [x, y] = [clientX - bounds.left, clientY - bounds.top];
    const box = place(bounds.width, height, cells).boxes.find((one) => y >= one.top &&
      y < one.top + one.height && x >= one.left && x <= one.left + one.width);
    return box && count() > 0 ? Math.floor(((y - box.top) / box.height) * count()) : null;
  };
  plot.addEventListener("pointermove", (event) => {
    row.at = under(event);
    show();
  });
  plot.addEventListener("pointerleave", () => {
    row.at = null;
    show();
  });
  let pressed = { x: 0, y: 0 };
  plot.addEventListener("pointerdown", ({ clientX: x, clientY: y }) => { pressed = { x, y }; });
  plot.addEventListener("click", (event) => {
    const moved = Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y);
    const at = moved < STILL ? under(event) : null;
    if (at !== null) onPick(at);
  });
  plot.addEventListener("keydown", (event) => {
    const move = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key === "Enter" && row.at !== null) onPick(row.at);
    if (move === undefined || count() === 0) return;
    event.preventDefault();
    row.at = Math.max(0, Math.min(count() - 1, (row.at ?? (move > 0 ? -1 : count())) + move));
    show();
  });
  plot.classList.add("picks");
}
