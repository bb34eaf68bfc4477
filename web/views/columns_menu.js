/** Which columns the list of runs has: its own, and any settings; the choice is remembered. */

/** @import { Column } from "./run_cells.js" */

import { getSearchKeys } from "../asking/lists.js";
import { h, setText } from "../dom.js";
import { recall, remember } from "../memory.js";
import { COLUMNS, SETTING, settingColumn } from "./run_cells.js";

const REMEMBERED = "run-columns";

/** The columns that were chosen last, in their order, those of settings behind the others. */
export function chosenColumns() {
  const names = recall(REMEMBERED)?.split(" ");
  const own = COLUMNS.filter(({ name, usual }) => names ? names.includes(name) : usual);
  const paths = names?.filter((name) => name.startsWith(SETTING)) ?? [];
  return [...own, ...paths.map((name) => settingColumn(name.slice(SETTING.length)))];
}

/** @param {(chosen: Column[]) => void} onChoose */
export function columnsMenu(onChoose) {
  /** @type {Map<string, Column>} */
  const chosen = new Map(chosenColumns().map((column) => [column.name, column]));
  const settings = [...chosen.values()].filter(({ name }) => name.startsWith(SETTING));
  const path = h("input", { type: "text", "aria-label": "Setting as a column", spellcheck: "false",
    autocomplete: "off", placeholder: "optimizer.momentum", maxlength: 200 });
  path.setAttribute("list", "setting-columns");
  const known = h("datalist", { id: "setting-columns" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const add = h("form", { class: "add-column", onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    addSetting(path.value.trim());
  } }, path, h("button", { type: "submit" }, "Add"), known, problem);
  const last = h("li", {}, add);
  const list = h("ul", {}, ...[...COLUMNS, ...settings].map(choice), last);
  const menu = h("details", { class: "menu" }, h("summary", { class: "button" }, "Columns"), list);

  /** @param {Column} column */
  function choice(column) {
    const words = column.name === "curve" ? "sparkline" : column.name.startsWith(SETTING)
      ? column.name.slice(SETTING.length) : column.title;
    return h("li", {}, h("label", {}, h("input", { type: "checkbox", checked: chosen.has(column.name),
      onchange: () => {
        if (!chosen.delete(column.name)) chosen.set(column.name, column);
        show();
      } }), words));
  }

  function show() {
    const others = [...chosen.values()].filter(({ name }) => name.startsWith(SETTING));
    const ordered = [...COLUMNS.filter(({ name }) => chosen.has(name)), ...others];
    remember(REMEMBERED, ordered.map(({ name }) => name).join(" "));
    onChoose(ordered);
  }

  /** @param {string} typed A setting's path, or its last word where no other has it */
  function addSetting(typed) {
    const paths = [...known.children].map((option) => option.getAttribute("value") ?? "");
    const ends = paths.filter((one) => one === typed || one.split(".").pop() === typed);
    const found = paths.includes(typed) ? typed : ends.length === 1 ? ends[0] : null;
    problem.hidden = found !== null;
    if (found === null) {
      setText(problem, `There is no setting ${typed || "without a name"}.`);
      return;
    }
    path.value = "";
    if (chosen.has(`${SETTING}${found}`)) return;
    const column = settingColumn(found);
    chosen.set(column.name, column);
    list.insertBefore(choice(column), last);
    show();
  }

  menu.addEventListener("toggle", async () => {
    if (!menu.open) return;
    const keys = await getSearchKeys().catch(() => []);
    known.replaceChildren(...keys.filter(({ setting }) => setting).map(({ name, about }) =>
      h("option", { value: name }, about)));
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") menu.open = false;
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(/** @type {Node} */ (relatedTarget))) menu.open = false;
  });
  return menu;
}
