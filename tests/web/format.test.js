import assert from "node:assert/strict";
import { test } from "node:test";

import { age, bytes, duration, exact, number, percent, real, span, speed, steps, versionWords,
  whole } from "../../web/format.js";

test("steps have thousands separators", () => {
  assert.equal(whole(31200), "31,200");
  assert.equal(steps(5, 5), "step 5");
  assert.equal(steps(18176, 18239), "steps 18,176–18,239");
});

test("measured numbers have three digits, a true minus, and names where not finite", () => {
  const values = [0, 1, 0.12345, -1.5, 1234.5, 1.5e-7, -2e9, NaN, Infinity, -Infinity];
  assert.deepEqual(values.map((value) => number(value)),
    ["0", "1.00", "0.123", "−1.50", "1,235", "1.50e−7", "−2.00e9", "NaN", "∞", "−∞"]);
  assert.equal(percent(0.95341), "95.3 %");
  assert.equal(percent(NaN), "NaN");
});

test("a bucket reads from its smallest to its largest value", () => {
  assert.equal(span(1, 1.001, number), "1.00");
  assert.equal(span(-1, 2, number), "−1.0 to 2.0");
  assert.equal(span(0.0924, 0.16, number), "0.092–0.16");
  assert.equal(span(0.9, 1, percent), "90.0–100.0 %");
});

test("floats that are not finite come as text in JSON", () => {
  const read = [real("NaN"), real("-Infinity"), real(null), real(2)];
  assert.deepEqual(read, [NaN, -Infinity, null, 2]);
});

test("durations, sizes and rates carry their unit", () => {
  assert.deepEqual([0.25, 5, 59.7, 92, 3700, 200000].map(duration),
    ["0.3 s", "5 s", "1 min 0 s", "1 min 32 s", "1 h 1 min", "2 d 7 h"]);
  assert.deepEqual([12, 1500, 110_000_000, 5.5e9].map(bytes),
    ["12 bytes", "1.5 kB", "110 MB", "5.5 GB"]);
  assert.deepEqual([812.4, 3.216].map(speed), ["812 steps/s", "3.22 steps/s"]);
});

test("ages are rough, moments exact", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const ages = ["11:59:55", "11:59:18", "11:45:00", "03:00:00"]
    .map((time) => age(`2026-11-21T${time}Z`, now));
  assert.deepEqual(ages, ["just now", "40 s ago", "15 min ago", "9 h ago"]);
  assert.equal(age("2026-11-18T12:00:00Z", now), "3 d ago");
  assert.match(exact("2026-11-21T12:00:00Z"), /^2026-11-2\d \d\d:\d\d:00$/);
});

test("what made a run is named with its versions", () => {
  assert.equal(versionWords({ shiftscope: "0.1.0", torch: "2.13.0", python: "3.11.7" }),
    "shiftscope 0.1.0, torch 2.13.0, Python 3.11.7");
});
