/**
 * The live connection: one WebSocket for the page. It reconnects by itself, says again what is
 * looked at, and asks for exactly the records that came meanwhile.
 */

/** @import { Findings, Frame, LiveMessage, Network, Selection } from "./types" */

import { liveUrl } from "./asking/lists.js";
import { isNotifying } from "./notify.js";
import { readable } from "./readable.js";
import { decode } from "./series.js";
import { learnRuns, store } from "./state.js";

const FIRST_PAUSE = 400;
/** All are back within 5 seconds of a server that is. */
const LONGEST_PAUSE = 3000;
/** Whoever never speaks does not notice that a lost network took the connection along. */
const SPEAK_EVERY = 5000;
/** Frames arrive four times a second at most; more points than these nobody sees while live. */
const LIVE_POINTS = 500;

/**
 * @typedef {object} Watch
 * @property {number} run
 * @property {Selection[]} series
 * @property {() => number} cursor The latest step that has arrived
 * @property {(frame: Frame) => void} onFrame
 * @property {(networks: Network[]) => void} onNetworks
 * @property {(findings: Findings) => void} onFindings
 * @property {(detail: string) => void} onError
 */

/** Said again it changes nothing, so that it is also what is said for the sake of speaking. */
const RUNS = { type: "runs" };

/** @type {WebSocket | null} */
let socket = null;
/** @type {Watch | null} */
let watched = null;
let failures = 0;
/** @type {number | undefined} */
let timer;

/** Open the connection and keep it open. */
export function connect() {
  window.addEventListener("online", () => retry(0));
  document.addEventListener("visibilitychange", () => {
    // A tab that nobody sees needs no records; on return the cursor brings exactly the rest.
    if (!document.hidden && !socket) retry(0);
    else if (watched) sendWatch();
  });
  window.setInterval(() => send(RUNS), SPEAK_EVERY);
  open();
}

/**
 * Look at a run: its state, and the records of some series. Replaces the earlier watch.
 * @param {Watch} next
 */
export function watch(next) {
  watched = next;
  sendWatch();
}

/** Stop looking at a run. */
export function unwatch() {
  watched = null;
  send({ type: "unwatch" });
}

function open() {
  const opened = new WebSocket(liveUrl());
  opened.binaryType = "arraybuffer";
  socket = opened;
  opened.addEventListener("open", () => {
    failures = 0;
    store.set({ connection: "live" });
    send(RUNS);
    if (watched) sendWatch();
  });
  opened.addEventListener("message", ({ data }) => {
    if (data instanceof ArrayBuffer) takeFrame(data);
    else takeMessage(JSON.parse(readable(data)));
  });
  opened.addEventListener("close", () => {
    if (socket !== opened) return;
    socket = null;
    store.set({ connection: "reconnecting" });
    // Apart from each other, so that a server that was restarted is not met by all at once.
    retry(Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** failures) * (0.5 + Math.random() / 2));
    failures += 1;
  });
}

/** @param {number} pause Milliseconds */
function retry(pause) {
  window.clearTimeout(timer);
  timer = window.setTimeout(() => {
    if (!socket) open();
  }, pause);
}

/** @param {object} message */
function send(message) {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
}

function sendWatch() {
  if (!watched) return;
  const { run, series, cursor } = watched;
  if (document.hidden && !isNotifying()) return send({ type: "unwatch" });
  const seen = document.hidden ? [] : series; // findings come all the same
  return send({ type: "watch", run, after: cursor(), points: LIVE_POINTS, series: seen });
}

/** @param {ArrayBuffer} data */
function takeFrame(data) {
  const frame = decode(data);
  if (frame.run === watched?.run) watched.onFrame(frame);
}

/** @param {LiveMessage} message */
function takeMessage(message) {
  if (message.type === "run") learnRuns([message.run]);
  else if (message.type === "error") watched?.onError(message.detail);
  else if (message.run !== watched?.run) return;
  else if (message.type === "networks") watched.onNetworks(message.networks);
  else watched.onFindings(message);
}
