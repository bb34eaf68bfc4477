/** Small choices that outlast the page: theme, logarithmic axes. */

/** Private windows may refuse to store; a choice then lasts as long as the page. */
const meanwhile = new Map();

/**
 * What was remembered under a name; null when nothing was.
 * @param {string} key
 * @returns {string | null}
 */
export function recall(key) {
  try {
    return window.localStorage.getItem(key) ?? meanwhile.get(key) ?? null;
  } catch {
    return meanwhile.get(key) ?? null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  meanwhile.set(key, value);
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // Kept in `meanwhile`.
  }
}
