/** The catalog as cards: what is claimed, by whom, and what was left open. */

/** @import { CatalogEntry, Claim } from "../types" */

import { h } from "../dom.js";
import { format } from "../location.js";

/**
 * All cards: what trains, then studies, with a box that leaves those that hold some words.
 * @param {CatalogEntry[]} entries
 */
export function catalogue(entries) {
  const none = h("p", { class: "nothing", hidden: true }, "No card holds these words.");
  const families = [
    family("Training pairs", "Networks that train side by side and are watched, layer by layer.",
      [...entries.filter(({ experiment }) => experiment).map(card), ownCard()]),
    family("Studies", "What is measured directly, or over many short trainings.",
      entries.filter(({ study }) => study).map(card)),
  ];
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the cards",
    oninput: () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const { element, cards } of families) {
        for (const one of cards) {
          const text = one.textContent?.toLowerCase() ?? "";
          one.hidden = !words.every((word) => text.includes(word));
        }
        element.hidden = cards.every(({ hidden }) => hidden);
      }
      none.hidden = families.some(({ element }) => !element.hidden);
    } });
  return [h("p", { class: "filter" }, filter), ...families.map(({ element }) => element), none];
}

/**
 * @param {string} title
 * @param {string} about
 * @param {HTMLElement[]} cards
 */
function family(title, about, cards) {
  const element = h("section", { class: "family", hidden: cards.length === 0 },
    h("h2", {}, title), h("p", { class: "hint" }, about), h("div", { class: "cards" }, ...cards));
  return { element, cards };
}

/** @param {CatalogEntry} entry */
function card({ name, title, claim, source, stated, left_open: open, claims }) {
  const address = format({ view: "new", entry: name, again: null });
  return h("article", { class: "card" },
    h("div", {},
      h("h3", {}, h("a", { href: address }, title)),
      h("p", { class: "claim" }, claim),
      h("p", { class: "source" }, source)),
    claims.length > 0 && h("ul", { class: "claims" }, ...claims.map(claimItem)),
    h("details", {},
      h("summary", {}, "How it is put to the test, what the source states and what it leaves open"),
      h("div", { class: "facts" },
        claims.length > 0 && h("section", {}, h("h4", {}, "What is put to the test"),
          list(claims.map(({ number, criterion }) => `${number}: ${criterion}`))),
        h("section", {}, h("h4", {}, "What the source states"), list(stated)),
        h("section", {}, h("h4", {}, "What it leaves open"), list(open)))));
}

/** @param {Claim} claim */
const claimItem = ({ number, statement, expected }) => h("li", {},
  h("strong", {}, number), ` ${statement}`,
  expected === "reproduced" ? "" : h("span", { class: "hint" }, ` Expected: ${expected}.`));

/** A card for an experiment of one's own. */
function ownCard() {
  return h("article", { class: "card" },
    h("div", {},
      h("h3", {}, h("a", { href: format({ view: "new", entry: "own", again: null }) },
        "An experiment of your own")),
      h("p", { class: "claim" }, "Every setting at its default; change what you want to know " +
        "about. Arms differ only in what you let them override.")));
}

/** @param {string[]} items */
function list(items) {
  return h("ul", {}, ...items.map((item) => h("li", {}, item)));
}
