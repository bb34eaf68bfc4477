/** The page: its header and footer, and the view that the address asks for. */

/** @import { Connection, Mounted, Place, Theme } from "./types" */

import { followAccess, readOnlyNotice } from "./access.js";
import { DOCS_URL, getSystem } from "./asking/lists.js";
import { h, setText } from "./dom.js";
import { connect } from "./live.js";
import { here, onPlace } from "./location.js";
import { startNotifying } from "./notify.js";
import { ready, version } from "./plot.js";
import { holdDrawing } from "./redraw.js";
import { shortcutsButton, startShortcuts } from "./shortcuts.js";
import { store } from "./state.js";
import { chooseTheme, startTheme, THEMES } from "./theme.js";
import { auditView } from "./views/audit.js";
import { connectionNotice } from "./views/connection_notice.js";
import { compareView } from "./views/compare.js";
import { newView } from "./views/new.js";
import { runView } from "./views/run.js";
import { runsView } from "./views/runs.js";
import { sweepView } from "./views/sweep.js";

/** The views that the header links to, in its order. @type {Place["view"][]} */
const PAGES = ["runs", "new", "compare"];
/** @type {Record<Connection, string>} */
const WORDS = { connecting: "connecting", live: "live", reconnecting: "reconnecting" };

function header() {
  const links = [["/", "Runs", "r"], ["/new", "New", "n"], ["/compare", "Compare", "c"]]
    .map(([href, text, key]) => h("a", { href, "aria-keyshortcuts": key,
      class: href === "/new" && "changes" }, text));
  const live = h("span", { class: "live", role: "status" });
  const theme = h("select", { "aria-label": "Theme", title: "Theme",
    "aria-keyshortcuts": "t",
    onchange: () => chooseTheme(/** @type {Theme} */ (theme.value)) },
    ...THEMES.map((name) => h("option", {}, name)));
  store.subscribe(({ connection, theme: chosen }) => {
    live.dataset.connection = connection;
    setText(live, WORDS[connection]);
    theme.value = chosen;
  });
  const element = h("header", { class: "page-header" },
    h("a", { class: "skip", href: "#view" }, "Skip to content"),
    h("a", { class: "brand", href: "/" }, "shiftscope"),
    h("nav", { "aria-label": "Pages" }, ...links), readOnlyNotice(), live, theme);
  return { element, links };
}

function footer() {
  const about = h("span", {});
  store.subscribe(({ system }) => setText(about, `shiftscope ${system?.version ?? ""}`));
  const plotly = h("span", {}, "plotly.js");
  version().then((number) => setText(plotly, `plotly.js ${number}`)).catch(() => {});
  return h("footer", { class: "page-footer" }, about, plotly,
    h("a", { href: DOCS_URL }, "API (OpenAPI)"),
    h("a", { href: "/audit", class: "changes" }, "Audit"), shortcutsButton());
}

/** @param {Place} place */
function mount(place) {
  switch (place.view) {
    case "runs": return runsView(place);
    case "new": return newView(place);
    case "run": return runView(place);
    case "compare": return compareView(place);
    case "sweep": return sweepView(place);
    case "audit": return auditView();
    default: return {
      element: h("main", {}, h("h1", {}, "There is nothing here"),
        h("p", {}, h("a", { href: "/" }, "All runs"))),
      title: "Not found",
    };
  }
}

/** @param {Place} place What makes a view another one; the rest it follows itself */
const identity = (place) => place.view === "run" ? `run ${place.run}`
  : place.view === "runs" || place.view === "compare" ? place.view
    : place.view === "sweep" ? `sweep ${place.sweep}` : JSON.stringify(place);

function start() {
  startTheme();
  followAccess();
  // Else all charts would be drawn at once when Plotly is there, and none seen before the last.
  holdDrawing(true);
  ready.catch(() => {}).then(() => holdDrawing(false));
  const { element, links } = header();
  const slot = h("div", { id: "view", tabindex: -1 });
  document.body.append(element, slot, footer(), connectionNotice());
  /** @type {Mounted | null} */
  let mounted = null;
  let shown = "";
  /** @param {Place} place */
  const show = (place) => {
    links.forEach((link, at) => {
      if (place.view === PAGES[at]) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    if (identity(place) === shown) return mounted?.update?.(place);
    shown = identity(place);
    mounted?.close?.();
    mounted = mount(place);
    slot.replaceChildren(mounted.element);
    document.title = `${mounted.title} · shiftscope`;
    return undefined;
  };
  show(here());
  onPlace(show);
  connect();
  startNotifying();
  startShortcuts();
  getSystem().then((system) => store.set({ system })).catch(() => {});
}

start();
