/** Small choices that outlast the page: theme, logarithmic axes. */

/**
 * What was remembered under a name; null too where the browser keeps nothing.
 * @param {string} key
 */
export function recall(key) {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}
