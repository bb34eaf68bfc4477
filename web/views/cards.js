/** The catalog as cards: what is claimed, by whom, and what was left open. */

/** @import { CatalogEntry, Claim } from "../types" */

import { h } from "../dom.js";
import { format } from "../location.js";

/** @param {CatalogEntry} entry */
export function card({ name, title, claim, source, stated, left_open: open, claims }) {
  const address = format({ view: "new", entry: name, again: null });
  return h("article", { class: "card" },
    h("h2", {}, h("a", { href: address }, title)),
    h("p", { class: "claim" }, claim),
    h("p", { class: "source" }, source),
    claims.length > 0 && h("ul", { class: "claims" }, ...claims.map(claimItem)),
    h("div", { class: "facts" },
      h("section", {}, h("h3", {}, "What the paper states"), list(stated)),
      h("section", {}, h("h3", {}, "What it leaves open"), list(open))));
}

/** @param {Claim} claim */
const claimItem = ({ number, statement, criterion, expected }) => h("li", {},
  h("p", {}, h("strong", {}, number), ` ${statement}`),
  h("p", { class: "hint" }, `Put to the test: ${criterion} Expected: ${expected}.`));

/** A card for an experiment of one's own. */
export function ownCard() {
  return h("article", { class: "card" },
    h("h2", {}, h("a", { href: format({ view: "new", entry: "own", again: null }) },
      "An experiment of your own")),
    h("p", { class: "claim" }, "Every setting at its default; change what you want to know " +
      "about. Arms differ only in what you let them override."));
}

/** @param {string[]} items */
function list(items) {
  return h("ul", {}, ...items.map((item) => h("li", {}, item)));
}
