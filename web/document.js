/** Experiments as documents: values by dotted path, comparing, and as a command. Pure. */

/** @import { Experiment, Field, Json } from "./types" */

/**
 * The value at a dotted path (`optimizer.lr`); undefined where there is none.
 * @param {Json | undefined} document
 * @param {string} path
 * @returns {Json | undefined}
 */
export function valueAt(document, path) {
  /** @type {any} */
  let part = document;
  for (const name of path.split(".")) part = part?.[name];
  return part;
}

/**
 * The same document with another value at a path.
 * @param {Experiment} document
 * @param {string} path
 * @param {Json} value
 * @returns {Experiment}
 */
export function withValue(document, path, value) {
  const [name, ...rest] = path.split(".");
  const inner = /** @type {Experiment} */ (document[name] ?? {});
  return { ...document, [name]: rest.length ? withValue(inner, rest.join("."), value) : value };
}

/**
 * A document with the defaults of settings that it lacks, in its tables too: one that was stored
 * before they came in, or an empty one.
 * @param {Field[]} fields
 * @param {Experiment} document
 * @returns {Experiment}
 */
export function completed(fields, document) {
  let found = document;
  for (const { path, kind, items, default: given } of fields) {
    const own = valueAt(found, path);
    const value = own === undefined ? given ?? null : own; // null means empty, whatever is default
    found = withValue(found, path, kind === "table" && Array.isArray(value)
      ? value.map((row) => completed(items, /** @type {Experiment} */ (row))) : value);
  }
  return found;
}

/**
 * @param {Json | undefined} a
 * @param {Json | undefined} b
 * @returns {boolean}
 */
export function equal(a, b) {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = /** @type {[Experiment, Experiment]} */ ([a, b]);
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => equal(left[name], right[name]));
}

/**
 * The settings in which two experiments differ.
 * @param {Field[]} fields
 * @param {Experiment} document
 * @param {Experiment} origin
 */
export function differences(fields, document, origin) {
  return fields.filter(({ path }) => !equal(valueAt(document, path), valueAt(origin, path)));
}

/**
 * @typedef {object} Change
 * @property {Field} field
 * @property {string} title
 * @property {string} path
 * @property {Json | undefined} value
 * @property {Json | undefined} before
 */

/**
 * What differs between two experiments, one value at a time: of a table by row and column.
 * @param {Field[]} fields
 * @param {Experiment} document
 * @param {Experiment} origin
 * @returns {Change[]}
 */
export function changes(fields, document, origin) {
  return differences(fields, document, origin).flatMap((field) => {
    const { path, title, kind, items } = field;
    const [value, before] = [valueAt(document, path), valueAt(origin, path)];
    if (kind !== "table" || !Array.isArray(value) || !Array.isArray(before)) {
      return [{ field, title, path, value, before }];
    }
    const rows = Array.from({ length: Math.max(value.length, before.length) }, (_, at) => at);
    return rows.flatMap((at) => {
      const [row, old] = [value[at], before[at]];
      const name = `${title.replace(/s$/, "")} ${at + 1}`; // one of the arms is an arm
      if (row === undefined || old === undefined) {
        const named = (/** @type {Json | undefined} */ one) => valueAt(one, "name");
        return [{ field, title: name, path: `${path}.${at}`, value: named(row), before: named(old) }];
      }
      const differing = differences(items, /** @type {Experiment} */ (row),
        /** @type {Experiment} */ (old));
      return differing.map((item) => ({ field: item, title: `${name}, ${item.title}`,
        path: `${path}.${at}.${item.path}`, value: valueAt(row, item.path),
        before: valueAt(old, item.path) }));
    });
  });
}

/**
 * The command that repeats an experiment of the catalog.
 * @param {string} entry
 * @param {Field[]} fields
 * @param {Experiment} document
 * @param {Experiment} origin The catalog's own experiment
 */
export function command(entry, fields, document, origin) {
  const settings = differences(fields, document, origin).map(({ path }) =>
    ` --set ${quoted(`${path}=${asSetting(valueAt(document, path))}`)}`);
  return `shiftscope run ${entry}${settings.join("")}`;
}

/**
 * A value as `--set` reads it: JSON, and plain text where that cannot be mistaken for JSON.
 * @param {Json | undefined} value
 */
function asSetting(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  try {
    JSON.parse(value);
  } catch {
    return value.trim() === value ? value : JSON.stringify(value);
  }
  return JSON.stringify(value);
}

/** @param {string} text One word for a POSIX shell */
function quoted(text) {
  return /^[\w.=:/,+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
