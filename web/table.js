/** A setting that is a small table: arms, one row each, to add and to remove.
 *
 * What may be empty keeps the experiment's setting; it is folded up below its row, whose summary
 * says what is not empty. */

/** @import { Field, Json } from "./types" */
/** @import { Control } from "./form.js" */

import { armDash } from "./charts/lines.js";
import { control } from "./control.js";
import { h, setText, swatch } from "./dom.js";
import { toText } from "./schema.js";

/**
 * @param {Field} field
 * @param {() => void} onChange
 * @returns {Control}
 */
export function tableControl(field, onChange) {
  /** @type {{ element: HTMLElement, cells: Control[], sum: () => void }[]} */
  let rows = [];
  const own = field.items.filter(({ nullable }) => !nullable);
  const table = h("table");
  const head = h("thead", {}, h("tr", {}, h("td"),
    ...own.map(({ title, description }) => h("th", { title: description }, title)), h("td")));
  const problem = h("p", { class: "problem" });
  const add = h("button", { type: "button", onclick: () => {
    const row = makeRow(rows.length);
    rows.push(row);
    row.cells.forEach((cell, at) => cell.show(fresh(field.items[at], rows.length)));
    row.sum();
    changed();
  } }, "Add an arm");

  /** @param {number} at */
  const makeRow = (at) => {
    const sum = () => setText(summary, overridden(field.items, cells));
    const edited = () => {
      sum();
      onChange();
    };
    const cells = field.items.map((item) => control(item, `${field.path}.${at}.${item.path}`,
      edited, { label: `${item.title} of arm ${at + 1}` }));
    const summary = h("summary");
    const onclick = () => {
      show(values().filter((_, index) => index !== at));
      changed();
    };
    const remove = h("button", { type: "button", class: "quiet",
      "aria-label": `Remove arm ${at + 1}`, onclick }, "Remove");
    /** @param {boolean} nullable */
    const those = (nullable) => cells.map(({ element: cell }, index) => ({ cell,
      item: field.items[index] })).filter(({ item }) => item.nullable === nullable);
    const element = h("tbody", {},
      h("tr", {}, h("td", {}, swatch(at, armDash(at))),
        ...those(false).map(({ cell, item }) => h("td", { "data-title": item.title }, cell)),
        h("td", {}, remove)),
      h("tr", { class: "overrides" }, h("td"), h("td", { colspan: own.length + 1 },
        h("details", {}, summary, h("div", {}, ...those(true).map(({ cell, item }) =>
          h("span", { title: item.description }, h("span", { class: "title" }, item.title),
            cell)))))));
    return { element, cells, sum };
  };
  const place = () => {
    table.replaceChildren(head, ...rows.map(({ element }) => element));
    add.disabled = rows.length >= field.most;
    for (const { element } of rows) {
      const remove = element.querySelector("button.quiet");
      if (remove instanceof HTMLButtonElement) remove.disabled = rows.length <= field.least;
    }
  };
  const changed = () => {
    place();
    onChange();
  };
  /** @returns {Json[]} */
  const values = () => rows.map(({ cells }) =>
    Object.fromEntries(cells.map((cell, at) => [field.items[at].path, cell.read()])));
  /** @param {Json | undefined} value */
  const show = (value) => {
    const wanted = /** @type {Record<string, Json>[]} */ (Array.isArray(value) ? value : []);
    rows = wanted.map((_, at) => makeRow(at));
    wanted.forEach((row, at) => rows[at].cells.forEach((cell, index) =>
      cell.show(row[field.items[index].path])));
    rows.forEach(({ sum }) => sum());
    place();
  };
  return {
    element: h("div", { class: "table" }, table, problem, add),
    show,
    read: values,
    mark(problems) {
      const left = new Set(problems);
      rows.forEach(({ cells, element }, at) => cells.forEach((cell, index) => {
        const path = `${field.path}.${at}.${field.items[index].path}`;
        const found = problems.filter((one) => one.field === path
          || one.field.startsWith(`${path}.`));
        found.forEach((one) => left.delete(one));
        cell.mark(found);
        const folded = element.querySelector("details");
        if (found.length && folded && field.items[index].nullable) folded.open = true;
      }));
      setText(problem, [...left].map(({ message }) => message).join(" "));
    },
  };
}

/**
 * What an arm overrides, in words.
 * @param {Field[]} items
 * @param {Control[]} cells
 */
function overridden(items, cells) {
  const said = cells.flatMap((cell, at) => {
    const value = items[at].nullable ? cell.read() : null;
    return value === null ? [] : [`${items[at].title} ${toText(value)}`];
  });
  return said.length ? `Overrides ${said.join(", ")}` : "Overrides nothing else";
}

/**
 * @param {Field} item
 * @param {number} count
 * @returns {Json | undefined}
 */
function fresh(item, count) {
  return item.default === undefined ? `arm ${count}` : item.default;
}
