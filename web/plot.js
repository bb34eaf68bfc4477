/** The only module that speaks Plotly: marks and axes become traces and a layout. */

/** @import { Drawing, Mark, PlotlyElement, PlotlyLibrary, Range, Reading } from "./types" */

import { TOGETHER } from "./dom.js";
import { RAMP } from "./ramp.js";
import { color, onColors } from "./theme.js";

const BAND_OPACITY = [0.13, 0.16, 0.3];
const FLOOR_OPACITY = 0.2;
/** Curves that fill an area let each other show through. */
const DENSE_OPACITY = 0.75;
/** Of what stands beside a line that matters more: dots of seeds, what was smoothed. */
const FAINT = 0.4;
/** Pixels between the rugs of two arms. */
const RUG_HEIGHT = 8;
const DASHES = { solid: "solid", dash: "9px,3px", dot: "2px,3px", dashdot: "9px,2px,2px,2px" };
const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false, showTips: false,
  responsive: false };
/** A finger scrolls the page; it zooms by the buttons above the charts. */
const HAS_MOUSE = window.matchMedia("(pointer: fine)");

/**
 * Plotly says by `style` attributes that pixels of a heat map stay sharp and that a title is bold.
 * The server's policy forbids such attributes, wherever they come from; the same by CSSOM it allows.
 * @param {string} name
 * @param {string} value
 */
SVGElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
};

/** @type {Promise<PlotlyLibrary>} */
export const ready = new Promise((resolve, reject) => {
  // Its script comes after our modules, so that the page is there before 4.8 MB are read.
  const done = () => window.Plotly ? resolve(window.Plotly) : reject(new Error("no Plotly"));
  if (window.Plotly) done();
  else document.querySelector("script[src*='plotly']")?.addEventListener("load", done);
});

/**
 * @typedef {{ arms: string[], ink: string, quiet: string, hairline: string, bad: string,
 *   font: string }} Palette
 */

/** @type {Palette | null} */
let palette = null;
onColors(() => { palette = null; });

/** @returns {Palette} */
function colors() {
  palette ??= {
    arms: [0, 1, 2, 3, 4, 5].map((arm) => color(`--arm-${arm}`)),
    ink: color("--ink"),
    quiet: color("--quiet"),
    hairline: color("--grid"),
    bad: color("--bad"),
    font: getComputedStyle(document.body).fontFamily,
  };
  return palette;
}

/**
 * A drawing as a file, with its titles and a legend, in the colours of the page.
 * @param {Drawing} drawing
 * @param {Captions} captions
 * @param {"png" | "svg"} format
 * @returns {Promise<string>} A data: address
 */
export async function image(drawing, captions, format) {
  const library = await ready;
  const { width } = drawing;
  const { top, annotations, shapes } = captionsOf(drawing, captions);
  const height = top + drawing.height + BELOW;
  const captioned = { ...layout(drawing, 0), annotations, shapes, width, height,
    margin: { l: 0, r: 0, t: top, b: BELOW, autoexpand: false }, paper_bgcolor: color("--paper") };
  return library.toImage({ data: tracesOf(drawing), layout: captioned, config: CONFIG },
    { format, width, height, scale: format === "png" ? 2 : 1 });
}

/** Pixels below a drawing for the title of its horizontal axis. */
const BELOW = 20;
/** Pixels of a line of text, and of a character of it, about. */
const LINE = 16;
const CHARACTER = 7;

/**
 * @typedef {object} Captions
 * @property {string} title
 * @property {string} subtitle
 * @property {string} axis
 * @property {string} across
 * @property {Pick<Reading, "arm" | "dash" | "name">[]} legend
 * @property {string[]} [headings] Of its plot areas, above each
 */

/**
 * Annotations and short lines, placed in pixels of the drawing, and how much they take above it.
 * @param {Drawing} drawing
 * @param {Captions} captions
 */
function captionsOf({ boxes, width, height },
  { title, subtitle, axis, across, legend, headings = [] }) {
  const { ink, quiet, arms } = colors();
  const [{ left }] = boxes;
  const entries = placed(legend, left, width);
  const rows = 1 + Math.max(0, ...entries.map(({ row }) => row));
  const lines = broken(subtitle, (width - left) / CHARACTER);
  const room = headings.some(Boolean) ? LINE : 0; // above the first row of plot areas
  const top = 2.5 * LINE + (rows + lines.length) * LINE + room;
  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y From the top of the drawing
   * @param {{ font?: object, xanchor?: string, textangle?: number }} [more]
   */
  const write = (text, x, y, { font = {}, ...more } = {}) => ({ text, showarrow: false,
    xref: "paper", yref: "paper", x: x / width, y: 1 - y / height, xanchor: "left",
    yanchor: "middle", ...more, font: { color: quiet, size: 12, ...font } });
  const annotations = [
    write(`<b>${escaped(title)}</b>`, left, LINE - top, { font: { color: ink, size: 16 } }),
    ...lines.map((text, at) => write(escaped(text), left, (2.25 + at) * LINE - top)),
    ...boxes.filter((box, at) => boxes.findIndex((one) => one.left === box.left) === at)
      .map((box) => write(escaped(across), box.left + box.width / 2, height + 8,
        { xanchor: "center" })),
    ...headings.map((text, at) => write(escaped(text), boxes[at].left, boxes[at].top - LINE,
      { font: { color: ink } })),
    ...boxes.filter((box) => box.left === left).map((box) => write(escaped(axis), 8,
      box.top + box.height / 2, { textangle: -90, xanchor: "center" })),
  ];
  /** @param {number} row Of the legend, from its first */
  const heightOf = (row) => (row - rows) * LINE + LINE - room;
  const shapes = entries.map(({ arm, dash, x, row }) => {
    const y = 1 - heightOf(row) / height;
    return { type: "line", xref: "paper", yref: "paper", x0: x / width, x1: (x + 20) / width,
      y0: y, y1: y, line: { color: arm === TOGETHER ? ink : arms[arm % arms.length], width: 2,
        dash: DASHES[dash] } };
  });
  const names = entries.map(({ name, x, row }) =>
    write(escaped(name), x + 24, heightOf(row), { font: { color: ink } }));
  return { top, annotations: [...annotations, ...names], shapes };
}

/**
 * The entries of a legend, in as many rows as they take.
 * @param {Captions["legend"]} legend
 * @param {number} left
 * @param {number} width
 */
function placed(legend, left, width) {
  let [x, row] = [left, 0];
  return legend.map((entry) => {
    const taken = 24 + CHARACTER * entry.name.length;
    if (x > left && x + taken > width) [x, row] = [left, row + 1];
    const found = { ...entry, x, row };
    x += taken + LINE;
    return found;
  });
}

/**
 * A text in lines of so many characters, broken between words.
 * @param {string} text
 * @param {number} most
 */
function broken(text, most) {
  return text.split(" ").reduce((lines, word) => {
    const last = `${lines.at(-1) ?? ""} ${word}`.trim();
    return last.length > most && lines.length > 0 ? [...lines, word] : [...lines.slice(0, -1), last];
  }, /** @type {string[]} */ ([]));
}

/** Plotly takes some HTML in its texts, which a name must not be. @param {string} text */
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/**
 * Draw, or draw again: at once where Plotly is there, so that whoever draws knows what it took.
 * @param {HTMLElement} element
 * @param {Drawing} drawing
 * @param {number} revision Another number for other data
 */
export async function draw(element, drawing, revision) {
  const library = window.Plotly ?? await ready;
  // The config again would be compared with itself, and the page laid out for it.
  const config = "data" in element ? undefined : CONFIG;
  return library.react(element, tracesOf(drawing), layout(drawing, revision), config);
}

/**
 * Take a drawing off the page and out of memory.
 * @param {HTMLElement} element
 */
export function clear(element) {
  window.Plotly?.purge(element);
}

/** @returns {Promise<string>} The version of plotly.js */
export const version = async () => (await ready).version;

/**
 * Hear of what a person does with the mouse, once something has been drawn. A range is as the axis
 * counts: in powers of ten where it is logarithmic.
 * @param {HTMLElement} element
 * @param {{ onDrag: () => void, onRange: (range: Range) => void, onReset: () => void }} listeners
 */
export function listen(element, { onDrag, onRange, onReset }) {
  const plot = /** @type {PlotlyElement} */ (element);
  plot.on("plotly_relayouting", onDrag);
  plot.on("plotly_doubleclick", onReset);
  plot.on("plotly_relayout", (event) => {
    for (const [name, value] of Object.entries(event)) {
      const found = /^(xaxis\d*)\.range\[0\]$/.exec(name);
      if (found) return onRange([Number(value), Number(event[`${found[1]}.range[1]`])]);
    }
    return undefined;
  });
}

/** @param {Drawing} drawing */
const tracesOf = (drawing) => drawing.cells.flatMap((cell, at) =>
  cell.marks.map((mark) => toTrace(mark, at === 0 ? "" : String(at + 1), drawing)));

/**
 * @param {Mark} mark
 * @param {string} axis Number of the plot area, as Plotly counts
 * @param {Drawing} drawing
 */
function toTrace(mark, axis, drawing) {
  const { arms, ink } = colors();
  const paint = mark.arm === TOGETHER ? ink : arms[mark.arm % arms.length];
  const trace = { type: "scatter", xaxis: `x${axis}`, yaxis: `y${axis}`, x: mark.x,
    hoverinfo: "skip" };
  switch (mark.kind) {
    case "heat":
    case "holes": {
      const { bad } = colors();
      const [zmin, zmax] = mark.kind === "heat" ? mark.scale : [0, 1];
      return { ...trace, type: "heatmap", y: mark.y, z: mark.z, zmin, zmax, showscale: false,
        hoverongaps: false, colorscale: mark.kind === "heat" ? RAMP : [[0, bad], [1, bad]] };
    }
    case "line":
      return { ...trace, y: mark.y, mode: mark.points ? "lines+markers" : "lines",
        line: { color: paint, width: mark.dense ? 1 : 1.5, dash: DASHES[mark.dash] },
        marker: { color: paint, size: 5 },
        opacity: mark.faint ? FAINT : mark.dense ? DENSE_OPACITY : 1,
        cliponaxis: !mark.points, connectgaps: false };
    case "dots":
      return { ...trace, y: mark.y, mode: "markers", cliponaxis: false,
        marker: { color: paint, size: 5, opacity: mark.faint ? FAINT : 1 } };
    case "band":
      return { ...trace, y: mark.y, mode: "lines", line: { width: 0 }, fill: "toself",
        fillcolor: fade(paint, BAND_OPACITY[mark.level]) };
    case "floor": {
      const bottom = drawing.log ? 10 ** drawing.y.range[0] : drawing.y.range[0];
      const [first, last] = drawing.logX ? drawing.x.range.map((power) => 10 ** power)
        : drawing.x.range;
      const top = mark.y[mark.y.length - 1];
      return { ...trace, x: [first, first, last, last], y: [bottom, top, top, bottom],
        mode: "lines", line: { width: 0 }, fill: "toself",
        fillcolor: fade(colors().quiet, FLOOR_OPACITY) };
    }
    case "rug": {
      const [low, high] = drawing.y.range;
      const place = low + (mark.row * RUG_HEIGHT * (high - low)) / drawing.boxes[0].height;
      const height = drawing.log ? 10 ** place : place;
      return { ...trace, y: new Float64Array(mark.x.length).fill(height), mode: "markers",
        cliponaxis: false, marker: { color: paint, size: RUG_HEIGHT / 2, symbol: "line-ns-open",
          line: { color: paint, width: 2 } } };
    }
  }
}

/**
 * @param {string} hex Such as "#0072B2"
 * @param {number} opacity
 */
function fade(hex, opacity) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${opacity})`;
}

/**
 * @param {Drawing} drawing
 * @param {number} revision
 */
function layout({ boxes, width, height, x, y, log, logX, zooms }, revision) {
  const { quiet, hairline, font } = colors();
  /** @type {Record<string, unknown>} */
  const found = {
    width, height, datarevision: revision, autosize: false, showlegend: false, hovermode: false,
    dragmode: HAS_MOUSE.matches && zooms ? "zoom" : false, separators: ".,",
    margin: { l: 0, r: 0, t: 0, b: 0, autoexpand: false },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: font, size: 12, color: quiet },
  };
  boxes.forEach((box, at) => {
    const number = at === 0 ? "" : String(at + 1);
    const isLeft = box.left === boxes[0].left;
    const common = { zeroline: false, ticklen: 4, tickcolor: "rgba(0,0,0,0)", color: quiet };
    found[`xaxis${number}`] = {
      ...common, anchor: `y${number}`, range: x.range, type: logX ? "log" : "linear",
      ...("tick" in x ? { tick0: 0, dtick: x.tick, tickformat: ",d" }
        : { tickmode: "array", tickvals: x.values, ticktext: x.labels.map(escaped) }),
      domain: [box.left / width, (box.left + box.width) / width], showgrid: false,
      showline: true, linecolor: hairline, tickangle: 0, ticklabeloverflow: "allow",
      ...(at > 0 && { matches: "x" }),
    };
    found[`yaxis${number}`] = {
      ...common, anchor: `x${number}`, range: y.range, type: log ? "log" : "linear",
      fixedrange: true, gridcolor: hairline, gridwidth: 1,
      domain: [1 - (box.top + box.height) / height, 1 - box.top / height],
      showticklabels: isLeft, tickmode: "array", tickvals: y.values, ticktext: y.labels.map(escaped),
      ticklabeloverflow: "allow",
    };
  });
  return found;
}
