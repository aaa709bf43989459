/**
 * The generated pages of docs/ are those of today's specification. What is stale is written again by
 * `npm run docs` (seconds) or, where the model has changed, `npm run findings` (minutes).
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { renderCorrespondence } from "../scripts/docs/correspondence.ts";
import { type Findings, findStale, renderFindings } from "../scripts/docs/findings.ts";
import { findCarriers, mechanisms, renderMechanisms } from "../scripts/docs/mechanisms.ts";
import { isDangling, listOrigins } from "../scripts/docs/origins.ts";

const read = (name: string): string => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");

test("docs/correspondence.md is today's (npm run docs)", () => {
  expect(read("correspondence.md")).toBe(renderCorrespondence());
});

test("every step, check and rule says where it comes from", () => {
  const dangling = listOrigins().filter((told) => isDangling(told));
  expect(dangling.map(({ design, call, name }) => `${design}: ${call}: ${name}`)).toEqual([]);
});

test("docs/mechanisms.md is today's (npm run docs)", () => {
  expect(read("mechanisms.md")).toBe(renderMechanisms());
});

test("M01 to M69: each has elements that carry it, or a reason why it has none, and not both", () => {
  const all = Array.from({ length: 69 }, (_, i) => `M${String(i + 1).padStart(2, "0")}`);
  expect(Object.keys(mechanisms)).toEqual(all);
  const carriers = findCarriers();
  const both = all.filter((id) => carriers.has(id) && mechanisms[id].absent !== undefined);
  const neither = all.filter((id) => !carriers.has(id) && mechanisms[id].absent === undefined);
  expect({ both, neither }).toEqual({ both: [], neither: [] });
  expect([...carriers.keys()].filter((id) => !all.includes(id))).toEqual([]);
});

test("docs/findings.md is what the stored schedules show today", { timeout: 300_000 }, () => {
  const stored = JSON.parse(read("findings.json")) as Findings;
  expect(findStale(stored), "searched on another model: npm run findings").toEqual([]);
  expect(read("findings.md"), "npm run docs").toBe(renderFindings(stored));
});
