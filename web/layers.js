/**
 * The layers of a run, and which of them are shown together: a model of a thousand layers shows a
 * few at a time, grouped by the path of their modules. Pure.
 */

/** @import { Layer, LayerPage, LayerRow, Network } from "./types" */

import { whole } from "./format.js";

/** So many layers are simply shown; more are put into pages. */
const MOST = 12;
const ON_A_PAGE = 8;

/**
 * Whether a norm is a BatchNorm or one of its relatives, which have running statistics.
 * @param {string} norm
 */
export const isBatchNorm = (norm) => /batch|whitening|iternorm/.test(norm);

/**
 * The last layer that has a nonlinearity, as the paper's Figure 1 b and c looks at; else the last.
 * @param {Network[]} networks
 */
export function lastNonlinear([first]) {
  const layers = first?.layers ?? [];
  const found = layers.findLast(({ activation }) => !["none", "unknown"].includes(activation));
  return (found ?? layers.at(-1))?.name ?? "";
}

/**
 * The layers of all twins, by name: in the order of the first network, with those that only others
 * have after the one that they follow there.
 * @param {Network[]} networks
 * @returns {LayerRow[]}
 */
export function layersOf(networks) {
  /** @type {Map<string, (Layer | undefined)[]>} */
  const found = new Map();
  networks.forEach(({ layers }, at) => {
    for (const layer of layers) {
      const twins = found.get(layer.name) ?? networks.map(() => undefined);
      twins[at] = layer;
      found.set(layer.name, twins);
    }
  });
  return inOrder(networks).map((name) => {
    const twins = found.get(name) ?? [];
    const known = twins.filter((layer) => layer !== undefined);
    return {
      name,
      about: aboutOf(known[0], known),
      sample: sampleOf(known),
      norms: known.map(({ norm }) => norm),
      only: known.length < twins.length
        ? networks.filter((_, at) => twins[at]).map(({ arm }) => arm) : [],
    };
  });
}

/**
 * @param {Network[]} networks
 * @returns {string[]}
 */
function inOrder([first, ...others]) {
  let order = (first?.layers ?? []).map(({ name }) => name);
  for (const { layers } of others) {
    const known = new Set(order);
    /** @type {Map<string | null, string[]>} */
    const following = new Map();
    /** @type {string | null} */
    let before = null;
    for (const { name } of layers) {
      if (known.has(name)) before = name;
      else following.set(before, [...(following.get(before) ?? []), name]);
    }
    order = [...(following.get(null) ?? []),
      ...order.flatMap((name) => [name, ...(following.get(name) ?? [])])];
  }
  return order;
}

/**
 * "Conv2d, 64 units, relu, batch norm"; "batch norm or none" where twins differ in it.
 * @param {Layer} layer
 * @param {Layer[]} known Its twins, and itself
 */
function aboutOf({ kind, units, activation }, known) {
  const norms = [...new Set(known.map(({ norm }) => norm))].filter((norm) => norm !== "none");
  const words = norms.map((norm) => `${norm} norm`);
  if (norms.length > 0 && known.some(({ norm }) => norm === "none")) words.push("none");
  return [
    kind,
    `${whole(units)} unit${units === 1 ? "" : "s"}`,
    ["none", "unknown"].includes(activation) ? "" : activation,
    words.join(" or "),
  ].filter(Boolean).join(", ");
}

/**
 * "16,384 of 802,816 elements", where the percentiles rest on fewer than there are.
 * @param {Layer[]} known
 */
function sampleOf(known) {
  for (const { sampled, elements } of known) {
    if (sampled !== null && elements !== null && sampled < elements) {
      return `${whole(sampled)} of ${whole(elements)} elements`;
    }
  }
  return "";
}

/**
 * The layers whose path, or the quantities whose name, holds every word of a text.
 * @template {{ name: string }} Named
 * @param {Named[]} rows
 * @param {string | null} text
 */
export function matching(rows, text) {
  const words = (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
}

/**
 * The layers of a page, after those that are pinned.
 * @param {LayerRow[]} rows All that there are
 * @param {LayerRow[]} shown
 * @param {string[]} names Of those that are pinned
 */
export function withPinned(rows, shown, names) {
  const kept = rows.filter(({ name }) => names.includes(name));
  return shown.length === 0 ? [] : [...kept, ...shown.filter((row) => !kept.includes(row))];
}

/** Whether layers are too many to be shown at once. @param {LayerRow[]} rows */
export const areMany = (rows) => rows.length > MOST;

/**
 * Layers in pages of a few. A module's layers stay together while they fit: a page takes in as many
 * neighbouring modules as it can, and only a module with more layers than that is taken apart.
 * @param {LayerRow[]} rows
 * @returns {LayerPage[]}
 */
export function pagesOf(rows) {
  if (!areMany(rows)) return [{ title: "", first: 0, rows }];
  const all = rows.map(({ name }) => name.split("."));
  let first = 0;
  return split(all, 0).map((paths) => {
    const page = { title: titleOf(paths, all), first,
      rows: rows.slice(first, first + paths.length) };
    first += paths.length;
    return page;
  });
}

/**
 * What was searched for, in pages, whatever module it is in.
 * @param {LayerRow[]} rows
 * @returns {LayerPage[]}
 */
export function plainPagesOf(rows) {
  /** @type {LayerPage[]} */
  const pages = [];
  for (let first = 0; first < rows.length; first += ON_A_PAGE) {
    const some = rows.slice(first, first + ON_A_PAGE);
    const title = some.length === 1 ? some[0].name : `${some[0].name} … ${some.at(-1)?.name}`;
    pages.push({ title, first, rows: some });
  }
  return pages;
}

/**
 * The page that holds a layer; the first when none does.
 * @param {LayerPage[]} pages
 * @param {string | null} name
 */
export function pageAt(pages, name) {
  const at = pages.findIndex(({ rows }) => rows.some((row) => row.name === name));
  return Math.max(0, at);
}

/**
 * @param {string[][]} paths
 * @param {number} depth Their first parts agree
 * @returns {string[][][]}
 */
function split(paths, depth) {
  if (paths.length <= ON_A_PAGE) return [paths];
  const pages = [];
  /** @type {string[][]} */
  let page = [];
  for (const part of modules(paths, depth)) {
    if (page.length + part.length > ON_A_PAGE) {
      if (page.length > 0) pages.push(page);
      page = [];
    }
    if (part.length > ON_A_PAGE) pages.push(...split(part, depth + 1));
    else page.push(...part);
  }
  if (page.length > 0) pages.push(page);
  return pages;
}

/**
 * Runs of neighbours that are in one module.
 * @param {string[][]} paths
 * @param {number} depth
 */
function modules(paths, depth) {
  /** @type {string[][][]} */
  const found = [];
  for (const path of paths) {
    const last = found.at(-1)?.[0];
    if (last !== undefined && last[depth] === path[depth]) found.at(-1)?.push(path);
    else found.push([path]);
  }
  return found;
}

/**
 * "encoder.layers.3", or "encoder.layers · 0 … 1" when the module has further layers.
 * @param {string[][]} paths
 * @param {string[][]} all
 */
function titleOf(paths, all) {
  if (paths.length === 1) return paths[0].join(".");
  const [first, last] = [paths[0], paths[paths.length - 1]];
  let depth = 0;
  while (paths.every((path) => path[depth] !== undefined && path[depth] === first[depth])) depth += 1;
  const parent = first.slice(0, depth).join(".");
  const inside = all.filter((path) => path.slice(0, depth).join(".") === parent);
  if (depth > 0 && inside.length === paths.length) return parent;
  const range = first[depth] === last[depth] ? first[depth] : `${first[depth]} … ${last[depth]}`;
  return parent ? `${parent} · ${range}` : range;
}
