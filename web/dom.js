/**
 * Build an element: attributes by name, listeners by `onclick` and the like, then its children.
 * Text is always text; nothing here parses HTML.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, unknown>} [attributes]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  element.append(...children.filter(isShown).map((child) => /** @type {Node | string} */ (
    typeof child === "number" ? String(child) : child)));
  return element;
}

/** @param {unknown} child */
function isShown(child) {
  return child !== null && child !== undefined && child !== false;
}

/**
 * Replace the text of an element, only when it differs: no work for the browser otherwise.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Colours of arms; further arms have them again, with another dash. */
export const COLORS = 6;

/** In the place of an arm: all networks together, in the colour of text. */
export const TOGETHER = -1;

/**
 * A short line in an arm's colour and dash; with its name beside it, never colour alone.
 * @param {number} arm
 * @param {string} [dash]
 */
export function swatch(arm, dash = "solid") {
  return h("span", { class: swatchClass(arm, dash), "aria-hidden": "true" });
}

/**
 * @param {number} arm
 * @param {string} dash
 */
export function swatchClass(arm, dash) {
  return `swatch ${arm === TOGETHER ? "together" : `arm-${arm % COLORS}`} ${dash}`;
}
