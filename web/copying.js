/** Text into the clipboard. */

/**
 * Whether it is there now: browsers give pages their clipboard only over https and on this machine.
 * @param {string} text
 * @returns {Promise<boolean>}
 */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
