/** The box for queries: what may be typed next, and where a query is not understood. */

/** @import { SearchKey, Suggestion } from "../types" */

import { getSearchKeys } from "../asking/lists.js";
import { ServerError } from "../asking/request.js";
import { h, setText } from "../dom.js";
import { accepted, before, suggestions } from "../query.js";

/** Milliseconds after the last key until the list is asked. */
const PAUSE = 250;

/** @param {(query: string) => void} onQuery */
export function queryBox(onQuery) {
  const input = h("input", { type: "search", id: "query", role: "combobox", autocomplete: "off",
    spellcheck: "false", "aria-label": "Search runs", "aria-keyshortcuts": "/", "aria-autocomplete": "list",
    "aria-controls": "query-suggestions", "aria-expanded": "false",
    "aria-describedby": "query-problem",
    placeholder: "Search: dataset:mnist norm:none lr>0.1 -tag:draft" });
  const choices = h("ul", { id: "query-suggestions", class: "suggestions", role: "listbox",
    "aria-label": "Suggestions", hidden: true });
  const ahead = h("span", { class: "ahead", "aria-hidden": "true" });
  const message = h("span", { class: "message" });
  const problem = h("p", { class: "query-problem problem", id: "query-problem", role: "alert",
    hidden: true }, h("span", { class: "place", "aria-hidden": "true" }, ahead, "▲"), message);
  /** @type {Promise<SearchKey[]> | null} They are asked for once. */
  let keys = null;
  /** @type {Suggestion[]} */
  let shown = [];
  let active = -1;
  let timer = 0;

  /** @param {Suggestion[]} next */
  const offer = (next) => {
    shown = next;
    active = -1;
    choices.hidden = next.length === 0;
    input.setAttribute("aria-expanded", String(next.length > 0));
    input.removeAttribute("aria-activedescendant");
    choices.replaceChildren(...next.map((one, at) => h("li", { role: "option",
      id: `query-suggestion-${at}`, "aria-selected": "false",
      onmousedown: (/** @type {MouseEvent} */ event) => {
        event.preventDefault(); // the box keeps the focus
        take(one);
      } }, h("code", {}, one.text), h("span", { class: "hint" }, one.about))));
  };
  const suggest = async () => {
    keys ??= getSearchKeys().catch(() => {
      keys = null; // without them the box works all the same; the next key asks again
      return [];
    });
    const known = await keys;
    if (document.activeElement !== input) return;
    offer(suggestions(input.value, input.selectionStart ?? 0, known));
  };
  /** @param {number} by */
  const move = (by) => {
    const count = shown.length + 1; // one place for none of them
    active = (active + 1 + by + count) % count - 1;
    [...choices.children].forEach((choice, at) =>
      choice.setAttribute("aria-selected", String(at === active)));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", `query-suggestion-${active}`);
  };
  /** @param {Suggestion} suggestion */
  const take = (suggestion) => {
    const [text, caret] = accepted(input.value, suggestion);
    input.value = text;
    input.setSelectionRange(caret, caret);
    typed();
  };
  const ask = () => {
    window.clearTimeout(timer);
    onQuery(input.value.trim());
  };
  const typed = () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(ask, PAUSE);
    suggest();
  };
  // The mark stays below the place when the box scrolls.
  input.addEventListener("scroll", () => {
    ahead.style.marginLeft = `${-input.scrollLeft}px`;
  });
  input.addEventListener("input", typed);
  input.addEventListener("click", suggest);
  input.addEventListener("blur", () => offer([]));
  input.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key === "ArrowDown" && shown.length === 0) suggest();
    else if (key === "ArrowDown" || key === "ArrowUp") move(key === "ArrowDown" ? 1 : -1);
    else if ((key === "Enter" || key === "Tab") && active >= 0) take(shown[active]);
    else if (key === "Escape" && shown.length) offer([]);
    else if (key === "Enter") {
      offer([]);
      ask();
    } else return;
    event.preventDefault();
  });
  return {
    element: h("div", { class: "query", role: "search" }, input, choices, problem),
    input,
    /** @param {string} query */
    show(query) {
      if (document.activeElement !== input || input.value.trim() === "") input.value = query;
    },
    /** @param {ServerError | null} error */
    mark(error) {
      const place = error?.position ?? null;
      problem.hidden = place === null;
      input.removeAttribute("aria-invalid");
      if (place === null) return;
      input.setAttribute("aria-invalid", "true");
      setText(ahead, before(input.value, place));
      setText(message, error?.message ?? "");
    },
    close() {
      window.clearTimeout(timer);
    },
  };
}
