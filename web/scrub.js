/** Moving the scrubbed step from record to record. Pure. */

/** @import { Rows } from "./types" */

/**
 * The step of the nearest record, or bucket, after a step or before it; null when there is none.
 * @param {Iterable<Pick<Rows, "step">>} all
 * @param {number} from
 * @param {1 | -1} direction
 * @returns {number | null}
 */
export function beside(all, from, direction) {
  let found = null;
  for (const { step } of all) {
    const at = direction > 0 ? step.findIndex((one) => one > from)
      : step.findLastIndex((one) => one < from);
    if (at < 0) continue;
    const isNearer = found === null || (step[at] - found) * direction < 0;
    if (isNearer) found = step[at];
  }
  return found;
}

/**
 * Where a key leads among places that have values; undefined where it is none of these keys.
 * @param {Pick<Rows, "step">[]} all
 * @param {number | null} from Null: nowhere yet, so that the arrows begin at the ends
 * @param {string} key As keyboard events name it
 * @returns {number | null | undefined}
 */
export function byKey(all, from, key) {
  switch (key) {
    case "ArrowLeft": return beside(all, from ?? Infinity, -1) ?? from;
    case "ArrowRight": return beside(all, from ?? -Infinity, 1) ?? from;
    case "Home": return beside(all, -Infinity, 1);
    case "End": return beside(all, Infinity, -1);
    default: return undefined;
  }
}
