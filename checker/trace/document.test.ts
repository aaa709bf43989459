import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { instantiate } from "../model/model.ts";
import { parseTrace, traceSchema } from "./format.ts";
import { confirmClaim, replayTrace } from "./replay.ts";

const document = readFileSync(new URL("../../docs/trace-format.md", import.meta.url), "utf8");

test("the example in docs/trace-format.md replays", () => {
  const [, example] = /```json\n([^`]*)```/.exec(document) ?? [];
  const trace = parseTrace(example, "the example");
  const instance = instantiate(philosophers(false), philosophersScope(2));
  expect(confirmClaim(instance, replayTrace(instance, trace), trace.property)).not.toBeNull();
});

test("docs/trace-format.md describes every field", () => {
  const { property, initial, steps } = traceSchema.shape;
  const parts = [traceSchema, property, initial, steps.element];
  for (const name of parts.flatMap((part) => Object.keys(part.shape)))
    expect(document).toContain(`\`${name}\``);
});
