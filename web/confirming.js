/** Asks before something is done that takes things away. */

import { h } from "./dom.js";

/**
 * @param {string} question
 * @param {string} detail What follows, and how it can be undone.
 * @param {string} action What the button says that does it.
 * @returns {Promise<boolean>} Whether the person agreed.
 */
export function confirmed(question, detail, action) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { class: "question", "aria-labelledby": "question",
      "aria-describedby": "question-detail",
      onclose: () => {
        dialog.remove();
        resolve(dialog.returnValue === "yes");
      } },
    h("form", { method: "dialog" },
      h("h2", { id: "question" }, question),
      h("p", { id: "question-detail" }, detail),
      h("div", { class: "buttons" },
        h("button", { value: "yes" }, action),
        h("button", { value: "", class: "quiet" }, "Cancel"))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
