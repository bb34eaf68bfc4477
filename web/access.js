/**
 * What whoever looks may do: with a token for looking only, what would change something is not
 * offered. Each such control has the class `changes`.
 */

import { getAccess } from "./asking/lists.js";
import { h } from "./dom.js";

const READ_ONLY = "data-read-only";

/** Learn what may be done, and offer nothing else. */
export function followAccess() {
  getAccess().then(({ read_only: isReadOnly }) => {
    document.documentElement.toggleAttribute(READ_ONLY, isReadOnly);
  }).catch(() => {});
}

export const mayChange = () => !document.documentElement.hasAttribute(READ_ONLY);

/** Why nothing can be started or changed; in sight only then. */
export const readOnlyNotice = () => h("span", { class: "read-only",
  title: "You came by a token for looking: it starts, stops and changes nothing." }, "read-only");

/** Ask for a token again where the one that let us in has ended. */
export async function checkAccess() {
  await getAccess().catch((error) => {
    if (error.status === 401) window.location.reload();
  });
}
