/** The menus of a run's charts: over steps, and of one step. */

/** @import { Range, Selection } from "../types" */
/** @import { ChartMenu, PictureFormat } from "./chart_menu.js" */
/** @import { Deck } from "./deck.js" */
/** @import { MomentPanel } from "./moment_panel.js" */
/** @import { Panel } from "./panel.js" */

import { partUrl } from "../asking/files.js";
import { steps, whole } from "../format.js";
import { formula, menuButton, savePicture } from "./chart_menu.js";
import { axisTitle } from "./overlay.js";

/** @param {Panel} panel */
export const chartMenu = (panel) => menuButton(panel.title, () => ofPanel(panel));

/** It shows another layer. @param {Panel} panel */
export function nameMenu({ menu, title }) {
  menu.setAttribute("aria-label", `Menu of ${title}`);
}

/**
 * @param {Panel} panel
 * @returns {ChartMenu}
 */
function ofPanel(panel) {
  const { chart, layer, title, deck, deck: { chosen: range, networks, run, units } } = panel;
  const selections = (chart.draws ?? chart.needs)({ networks, layer });
  const unit = chart.draws && !chart.rowAxis ? units?.answer?.unit ?? null : null;
  return { title, shows: chart.hint, formula: formula(selections),
    csv: tablesOf(selections).map((some) => ({
      href: partUrl(run.id, some, { layer, unit, range }), about: aboutOf(some, range) })),
    save: (format) => savePanel(panel, format),
    address: deck.linkTo(chart, layer) };
}

/**
 * That of a chart of one step: its data are the records of what is drawn.
 * @param {MomentPanel} panel
 */
export function momentMenu(panel) {
  const { chart, layer, title, moments: { deck } } = panel;
  return menuButton(title, () => {
    const selections = chart.needs({ networks: deck.networks, layer });
    /** @type {Range | null} */
    const range = panel.steps && [Math.min(...panel.steps), Math.max(...panel.steps)];
    return { title, shows: chart.hint, formula: formula(selections),
      csv: tablesOf(selections).map((some) => ({
        href: partUrl(deck.run.id, some, { layer, unit: null, range }),
        about: aboutOf(some, range) })),
      save: (format) => panel.drawn && savePicture(panel.drawn, {
        title, subtitle: [subtitle(deck), range && steps(...range)].filter(Boolean).join("; "),
        axis: chart.axis, across: chart.across, legend: panel.readings,
      }, ["run", deck.run.id, chart.id, layer], format),
      address: deck.linkTo(chart, layer) };
  });
}

/** Those of each table, which is a file of its own. @param {Selection[]} selections */
function tablesOf(selections) {
  /** @type {Map<string, Selection[]>} */
  const tables = new Map();
  for (const one of selections) tables.set(one.table, [...(tables.get(one.table) ?? []), one]);
  return [...tables.values()];
}

/**
 * @param {Selection[]} selections Of one table
 * @param {Range | null} range
 */
const aboutOf = ([{ table }], range) =>
  `${table}, ${range ? steps(...range) : "all steps"}, as recorded`;

/**
 * @param {Panel} panel
 * @param {PictureFormat} format
 */
function savePanel(panel, format) {
  const { chart, deck, layer } = panel;
  const view = deck.view(chart, layer);
  const drawing = panel.drawing(view);
  return savePicture(drawing, {
    title: panel.title,
    subtitle: [
      subtitle(deck),
      view.smooth > 0 && chart.lines && `moving average, half-life ${whole(view.smooth)} steps`,
      ...drawing.cells.flatMap(({ marks }) => marks.flatMap((mark) =>
        mark.kind === "rug" ? `${deck.networks[mark.arm].arm}: ${mark.text}` : [])),
    ].filter(Boolean).join("; "),
    axis: axisTitle(chart, view),
    across: deck.looks.across.unit,
    legend: chart.read(view, deck.range[1]).flat(),
  }, ["run", deck.run.id, chart.id, layer], format);
}

/** @param {Deck} deck */
const subtitle = ({ run, networks }) => `Run ${run.id}, ${run.name}, seed ${networks[0].seed}`;
