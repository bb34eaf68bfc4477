/** The catalog as cards: what is claimed, by whom, and what was left open. */

/** @import { CatalogEntry } from "../types" */

import { h } from "../dom.js";
import { format } from "../location.js";

/** @param {CatalogEntry} entry */
export function card({ name, title, claim, source, stated, left_open: open }) {
  const address = format({ view: "new", entry: name, again: null });
  return h("article", { class: "card" },
    h("h2", {}, h("a", { href: address }, title)),
    h("p", { class: "claim" }, claim),
    h("p", { class: "source" }, source),
    h("div", { class: "facts" },
      h("section", {}, h("h3", {}, "What the paper states"), list(stated)),
      h("section", {}, h("h3", {}, "What it leaves open"), list(open))));
}

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
