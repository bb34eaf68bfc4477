/** What is said while the server cannot be reached, and when it is back. */

import { checkAccess } from "../access.js";
import { getSystem } from "../asking/lists.js";
import { h } from "../dom.js";
import { exact } from "../format.js";
import { store } from "../state.js";

/** A server that is back at once is not worth a word. */
const GRACE = 2000;
const LONG_ENOUGH = 6000;

/** It floats above the foot of the page, so that nothing moves when it comes and goes. */
export function connectionNotice() {
  const element = h("div", { class: "floating notice", role: "status", hidden: true });
  let timer = 0;
  /** @param {...(Node | string)} words */
  const say = (...words) => {
    element.replaceChildren(...words);
    element.hidden = words.length === 0;
  };
  /**
   * @param {() => void} what
   * @param {number} pause
   */
  const later = (what, pause) => {
    window.clearTimeout(timer);
    timer = window.setTimeout(what, pause);
  };

  async function welcome() {
    window.clearTimeout(timer);
    const before = store.get().system;
    const system = await getSystem().catch(() => null);
    if (store.get().connection !== "live") return;
    if (system) store.set({ system });
    if (!before || !system) {
      say(); // it is there again, whatever else it could not say
    } else if (system.version !== before.version) {
      say(`The server is shiftscope ${system.version} now. `, h("button", { type: "button",
        onclick: () => window.location.reload() }, "Reload the page"));
    } else if (system.started_at !== before.started_at) {
      say("The server was restarted. Nothing is missed: what came meanwhile is drawn.");
      later(() => say(), LONG_ENOUGH);
    } else {
      say();
    }
  }

  store.subscribe(({ connection }, before) => {
    if (connection === before.connection) return;
    if (connection === "live") {
      welcome();
    } else if (connection === "reconnecting") {
      const since = exact(new Date().toISOString()).slice(11);
      later(() => {
        checkAccess();
        say(`${navigator.onLine ? "The server cannot be reached"
          : "This computer is offline"} since ${since}. What is shown stays, and the page goes on ` +
          "by itself when the server answers.");
      }, GRACE);
    }
  });
  return element;
}
