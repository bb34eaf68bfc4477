/** A setting that is a small table: arms, one row each, to add and to remove. */

/** @import { Field, Json } from "./types" */
/** @import { Control } from "./form.js" */

import { armDash } from "./charts/lines.js";
import { control } from "./control.js";
import { h, setText, swatch } from "./dom.js";

/**
 * @param {Field} field
 * @param {() => void} onChange
 * @returns {Control}
 */
export function tableControl(field, onChange) {
  /** @type {{ element: HTMLElement, cells: Control[] }[]} */
  let rows = [];
  const body = h("tbody");
  const problem = h("p", { class: "problem" });
  const add = h("button", { type: "button", onclick: () => {
    const row = makeRow(rows.length);
    rows.push(row);
    row.cells.forEach((cell, at) => cell.show(fresh(field.items[at], rows.length)));
    changed();
  } }, "Add an arm");

  /** @param {number} at */
  const makeRow = (at) => {
    const cells = field.items.map((item) => control(item, `${field.path}.${at}.${item.path}`,
      onChange, { label: `${item.title} of arm ${at + 1}` }));
    const onclick = () => {
      show(values().filter((_, index) => index !== at));
      changed();
    };
    const remove = h("button", { type: "button", class: "quiet",
      "aria-label": `Remove arm ${at + 1}`, onclick }, "Remove");
    const element = h("tr", {}, h("td", {}, swatch(at, armDash(at))),
      ...cells.map(({ element: cell }, index) =>
        h("td", { "data-title": field.items[index].title }, cell)),
      h("td", {}, remove));
    return { element, cells };
  };
  const place = () => {
    body.replaceChildren(...rows.map(({ element }) => element));
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
    place();
  };
  return {
    element: h("div", { class: "table" },
      h("table", {}, h("thead", {}, h("tr", {}, h("td"),
        ...field.items.map(({ title, description }) => h("th", { title: description }, title)),
        h("td"))), body),
      problem, add),
    show,
    read: values,
    mark(problems) {
      const left = new Set(problems);
      rows.forEach(({ cells }, at) => cells.forEach((cell, index) => {
        const path = `${field.path}.${at}.${field.items[index].path}`;
        const own = problems.filter((one) => one.field === path);
        own.forEach((one) => left.delete(one));
        cell.mark(own);
      }));
      setText(problem, [...left].map(({ message }) => message).join(" "));
    },
  };
}

/**
 * @param {Field} item
 * @param {number} count
 * @returns {Json | undefined}
 */
function fresh(item, count) {
  return item.default === undefined ? `arm ${count}` : item.default;
}
