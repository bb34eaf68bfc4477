/** Where plot areas lie inside a chart; the same for every chart, so that axes line up. Pure. */

/** @import { Box } from "./types" */

export const MARGIN = { left: 56, right: 22, top: 28, bottom: 24 };
/** Pixels at the end of the readings above a plot area, beside the button of the menu. */
export const BESIDE_MENU = 6;
const GAP = 36;
const NARROWEST = 168;

/**
 * Plot areas side by side, in rows where they would become too narrow.
 * @param {number} width Of the chart
 * @param {number} rowHeight
 * @param {number} cells
 * @returns {{ boxes: Box[], height: number }}
 */
export function place(width, rowHeight, cells) {
  const room = Math.max(40, width - MARGIN.left - MARGIN.right);
  const fitting = Math.max(1, Math.floor((room + GAP) / (NARROWEST + GAP)));
  const rows = Math.max(1, Math.ceil(cells / fitting));
  const columns = Math.max(1, Math.ceil(cells / rows));
  const each = (room - (columns - 1) * GAP) / columns;
  const boxes = Array.from({ length: cells }, (_, cell) => ({
    left: MARGIN.left + (cell % columns) * (each + GAP),
    top: Math.floor(cell / columns) * rowHeight + MARGIN.top,
    width: each,
    height: rowHeight - MARGIN.top - MARGIN.bottom,
  }));
  return { boxes, height: rows * rowHeight };
}
