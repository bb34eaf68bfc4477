/** From the JSON Schema of an experiment to the fields of a form. Pure. */

/** @import { Field, FieldKind, Json } from "./types" */

import { whole } from "./format.js";

/** @typedef {Record<string, any>} Schema */

/**
 * Every setting, in the order of the schema; parts (`optimizer`) are flattened to dotted paths.
 * @param {Schema} root
 * @returns {Field[]}
 */
export function fields(root) {
  return ofObject(root, root, "");
}

/**
 * @param {Schema} schema
 * @param {Schema} root
 * @param {string} prefix
 * @returns {Field[]}
 */
function ofObject(schema, root, prefix) {
  return Object.entries(schema.properties ?? {}).flatMap(([name, raw]) => {
    const { nullable, ...part } = resolve(raw, root);
    const path = prefix + name;
    if (part.type === "object") return ofObject(part, root, `${path}.`);
    return [ofSetting(path, part, nullable, root)];
  });
}

/**
 * Follow references and unfold "or null".
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {Schema & { nullable: boolean }}
 */
function resolve(schema, root) {
  const { $ref, allOf, anyOf, ...own } = schema;
  /** @type {Schema} */
  let found = { nullable: false };
  if ($ref) found = resolve(lookUp($ref, root), root);
  for (const part of allOf ?? []) found = { ...found, ...resolve(part, root) };
  const options = /** @type {Schema[]} */ (anyOf ?? []);
  const solid = options.filter((option) => option.type !== "null");
  if (solid.length === 1) found = { ...found, ...resolve(solid[0], root) };
  const nullable = found.nullable || solid.length < options.length;
  return { ...found, ...own, nullable };
}

/**
 * @param {string} reference Such as "#/$defs/Arm"
 * @param {Schema} root
 */
function lookUp(reference, root) {
  return reference.split("/").slice(1).reduce((part, name) => part[name], root);
}

/**
 * @param {string} path
 * @param {Schema} schema
 * @param {boolean} nullable
 * @param {Schema} root
 * @returns {Field}
 */
function ofSetting(path, schema, nullable, root) {
  const items = schema.items ? resolve(schema.items, root) : null;
  const table = items?.type === "object";
  return {
    path,
    kind: table ? "table" : kindOf(schema),
    title: schema.title ?? path,
    description: schema.description ?? "",
    unit: schema.unit ?? "",
    group: schema.group ?? "",
    default: schema.default,
    choices: schema.enum ?? (schema.const === undefined ? [] : [schema.const]),
    range: items && !table ? rangeOf(items) : rangeOf(schema),
    nullable,
    empty: schema.empty ?? "",
    items: items === null ? [] : table ? ofObject(items, root, "") : [
      ofSetting("", items, items.nullable, root)],
    least: schema.minItems ?? 0,
    most: schema.maxItems ?? Infinity,
  };
}

/**
 * @param {Schema} schema
 * @returns {FieldKind}
 */
function kindOf(schema) {
  if (schema.enum || schema.const !== undefined) return "choice";
  if (schema.type === "array") return "list";
  if (schema.type === "boolean") return "boolean";
  return schema.type === "integer" || schema.type === "number" ? schema.type : "text";
}

/**
 * The allowed range in words.
 * @param {Schema} schema
 */
export function rangeOf(schema) {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  if (minimum !== undefined && maximum !== undefined) {
    return `${plain(minimum)} to ${plain(maximum)}`;
  }
  const low = exclusiveMinimum !== undefined ? `above ${plain(exclusiveMinimum)}`
    : minimum !== undefined ? `${plain(minimum)} or more` : "";
  const high = exclusiveMaximum !== undefined ? `below ${plain(exclusiveMaximum)}`
    : maximum !== undefined ? `up to ${plain(maximum)}` : "";
  return [low, high].filter(Boolean).join(", ");
}

/** @param {number} value */
function plain(value) {
  return Number.isInteger(value) ? whole(value) : String(value);
}

/**
 * A setting as the text of its input.
 * @param {Json | undefined} value
 * @returns {string}
 */
export function toText(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map(toText).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/**
 * The text of an input as a value. What cannot be read goes to the server as it is: the server
 * says what is wrong with it, in its own words.
 * @param {Field} field
 * @param {string} text
 * @returns {Json}
 */
export function fromText(field, text) {
  const trimmed = text.trim();
  if (trimmed === "" && field.nullable) return null;
  switch (field.kind) {
    case "number":
    case "integer":
      return trimmed !== "" && Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
    case "list":
      return trimmed === "" ? [] : trimmed.replace(/,$/, "").split(",")
        .map((part) => fromText(field.items[0], part));
    case "boolean":
      return trimmed === "true";
    default:
      return text;
  }
}
