/**
 * The page that asks for a token. Who followed a link from another site is asked although the
 * browser has the cookie, since it does not send it then: this page's own requests do have it.
 */

import { getAccess } from "./asking/lists.js";
import { startTheme } from "./theme.js";

startTheme();
const here = new URL(window.location.href);
const form = /** @type {HTMLFormElement} */ (document.querySelector("form"));
const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  here.searchParams.set("token", input.value);
  window.location.replace(here);
});
getAccess().then(() => {
  here.searchParams.delete("token");
  window.location.replace(here);
}, () => input.focus());
