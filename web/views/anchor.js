/** Bringing a chart that an address names into sight, and keeping it there while others load. */

/** Milliseconds in which what is above it may still change its height. */
const SETTLING = 2000;

/**
 * Scroll to an element and give it the focus; until a person scrolls it stays where it is.
 * @param {HTMLElement} element
 * @param {HTMLElement} page What changes its height
 */
export function anchor(element, page) {
  const scroll = () => element.scrollIntoView({ block: "center" });
  const observer = new ResizeObserver(scroll);
  const stop = () => {
    observer.disconnect();
    window.clearTimeout(timer);
    for (const doing of DOINGS) window.removeEventListener(doing, stop);
  };
  const timer = window.setTimeout(stop, SETTLING);
  for (const doing of DOINGS) window.addEventListener(doing, stop, { passive: true });
  observer.observe(page);
  scroll();
  element.focus({ preventScroll: true });
}

const DOINGS = ["wheel", "touchstart", "pointerdown", "keydown"];
