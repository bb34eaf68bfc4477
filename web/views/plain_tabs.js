/** The tabs of a run that show no records, which every run has: settings, log, system. */

/** @import { Network, RunDetail } from "../types" */

import { logTab } from "./log_tab.js";
import { settingsTab } from "./settings_tab.js";
import { systemTab } from "./system_tab.js";

/**
 * @typedef {object} PlainTab
 * @property {string} id
 * @property {string} title
 * @property {(run: RunDetail, networks: Network[], chart: string | null) =>
 *   { element: HTMLElement, close?(): void }} open `chart`: what the address names
 */

/** @type {PlainTab[]} */
export const PLAIN_TABS = [
  { id: "settings", title: "Settings",
    open: (run, networks) => ({ element: settingsTab(run, networks) }) },
  { id: "log", title: "Log", open: logTab },
  { id: "system", title: "System", open: (run, _, chart) => systemTab(run, chart) },
];
