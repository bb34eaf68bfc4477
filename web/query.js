/** Queries for runs while they are typed: what may come next, and the place of an error. Pure. */

/** @import { SearchKey, Suggestion } from "./types" */

/** So many are listed. */
const MOST = 8;
const COMPARED = ["number", "share", "time"];

/**
 * What may stand where the caret is: keys, or values of the key before it.
 * @param {string} text
 * @param {number} caret
 * @param {SearchKey[]} keys
 * @returns {Suggestion[]}
 */
export function suggestions(text, caret, keys) {
  const [, minus, word] = /(?:^|\s)(-?)([^\s"]*)$/.exec(text.slice(0, caret)) ?? [];
  if (word === undefined) return [];
  const [, name, values] = /^([\w.]+):([^<>=]*)$/.exec(word) ?? [];
  if (name !== undefined) return ofValues(keys, name, values, caret);
  if (word === "" && minus === "" && caret > 0) return [];
  return keys.filter((key) => fits(key.name, word)).slice(0, MOST).map((key) => ({
    text: `${key.name}${COMPARED.includes(key.kind) ? ">" : ":"}`,
    about: key.about,
    start: caret - word.length,
    end: caret,
  }));
}

/**
 * @param {SearchKey[]} keys
 * @param {string} name
 * @param {string} typed Everything after the colon
 * @param {number} caret
 */
function ofValues(keys, name, typed, caret) {
  const key = keys.find((one) => one.name === name.toLowerCase());
  const last = typed.slice(typed.lastIndexOf(",") + 1);
  return (key?.values ?? [])
    .filter((value) => value.toLowerCase().startsWith(last.toLowerCase()) && value !== last)
    .slice(0, MOST)
    .map((value) => ({
      text: /[\s,]/.test(value) ? `"${value}"` : value,
      about: "",
      start: caret - last.length,
      end: caret,
    }));
}

/**
 * Whether a key is meant by how it begins, or how its last word begins.
 * @param {string} name
 * @param {string} typed
 */
function fits(name, typed) {
  const word = typed.toLowerCase();
  return name.startsWith(word) || (word !== "" && name.split(".").pop()?.startsWith(word));
}

/**
 * The text with a suggestion in its place, and where the caret is then.
 * @param {string} text
 * @param {Suggestion} suggestion
 * @returns {[string, number]}
 */
export function accepted(text, { text: inserted, start, end }) {
  const ends = /[:<>=]$/.test(inserted) || /^\s/.test(text.slice(end));
  const put = ends ? inserted : `${inserted} `;
  return [text.slice(0, start) + put + text.slice(end), start + put.length];
}

/**
 * The part of a query before a place that the server counts in characters.
 * @param {string} text
 * @param {number} position
 */
export function before(text, position) {
  return [...text].slice(0, position).join("");
}
