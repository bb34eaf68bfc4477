/** How the server is asked, and how its answers and errors are read. */

/** @import { FieldProblem, Problem } from "../types" */

import { readable } from "../readable.js";

/** What the server refused, in its own words. */
export class ServerError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail);
    this.status = problem.status;
    /** @type {FieldProblem[]} */
    this.fields = problem.errors ?? [];
    /** Where in a query the server lost its way, in characters; null elsewhere. */
    this.position = problem.position ?? null;
  }
}

/**
 * @param {string} path
 * @param {unknown} [body] With a body the request is a POST, unless `method` says otherwise
 * @param {AbortSignal} [signal]
 * @param {string} [method]
 * @returns {Promise<Response>}
 */
export async function ask(path, body, signal, method = "POST") {
  /** @type {RequestInit} */
  const options = body === undefined ? {} : {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, { ...options, signal });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServerError(unreachable());
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => null);
  throw new ServerError(problem?.detail ? problem : {
    ...unreachable(),
    status: response.status,
    detail: `The server answered ${response.status} ${response.statusText}.`,
  });
}

/** @returns {Problem} */
function unreachable() {
  return { type: "about:blank", title: "", status: 0, detail: "The server cannot be reached." };
}

/**
 * @template Answer
 * @param {string} path
 * @param {unknown} [body]
 * @param {AbortSignal} [signal]
 * @param {string} [method]
 * @returns {Promise<Answer>}
 */
export async function json(path, body, signal, method) {
  return JSON.parse(readable(await (await ask(path, body, signal, method)).text()));
}
