/** Moving the scrubbed step from record to record. Pure. */

/** @import { Rows } from "./types" */

/**
 * The step of the nearest record, or bucket, after a step or before it; null when there is none.
 * @param {Iterable<Rows>} all
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
