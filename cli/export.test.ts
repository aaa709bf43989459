import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { toItf } from "../checker/trace/export/itf.ts";
import { shivizExpression } from "../checker/trace/export/shiviz.ts";
import type { Trace } from "../checker/trace/format.ts";
import type { PlainValue } from "../checker/trace/plain.ts";
import { loadDesigns } from "./designs.ts";
import { type FakeWorld, fakeWorld, runFake } from "./fake-world.ts";

const file = "trace.json";
let world: FakeWorld;
let trace: Trace;

/** A trace of a real design: 49 steps and more, several lanes. */
beforeAll(async () => {
  world = fakeWorld();
  const words = `check --design pv-2025 --property dma-secrecy --engine packed --trace ${file}`;
  expect((await runFake(words, world, loadDesigns())).code).toBe(1);
  trace = JSON.parse(readFileSync(join(world.io.cwd, file), "utf8"));
}, 60_000);

async function exported(to: string): Promise<string> {
  const own = fakeWorld();
  const here = { ...own, io: { ...own.io, cwd: world.io.cwd } };
  const { code, stdout } = await runFake(`export ${file} --to ${to}`, here, loadDesigns());
  expect(code).toBe(0);
  return stdout;
}

/** Expressions, by the text of the format: numbers are bigints, and a field's name begins with no #. */
const expression: z.ZodType = z.lazy(() =>
  z.union([
    z.boolean(),
    z.string(),
    z.array(expression),
    z.strictObject({ "#bigint": z.string().regex(/^-?\d+$/) }),
    z.strictObject({ "#tup": z.array(expression) }),
    z.strictObject({ "#set": z.array(expression) }),
    z.record(z.string().regex(/^[^#]/), expression),
  ]),
);

/** The plain value of an expression. */
function fromItf(value: unknown): PlainValue {
  if (typeof value !== "object" || value === null) return value as PlainValue;
  if (Array.isArray(value)) return value.map((element) => fromItf(element));
  const of = value as Record<string, unknown>;
  if ("#bigint" in of) return Number(of["#bigint"]);
  if (of.tag === "None" && JSON.stringify(of.value) === '{"#tup":[]}') return null;
  return Object.fromEntries(Object.entries(of).map(([name, each]) => [name, fromItf(each)]));
}

test("itf: every variable in every state, and the states are those of the trace", async () => {
  const itf = JSON.parse(await exported("itf"));
  const state = z.object({ "#meta": z.looseObject({ index: z.number() }) }).catchall(expression);
  z.strictObject({ "#meta": z.looseObject({}), vars: z.array(z.string()), states: z.array(state) }).parse(
    itf,
  );
  expect(itf.states).toHaveLength(trace.steps.length + 1);
  for (const each of itf.states)
    expect(Object.keys(each).filter((name) => name !== "#meta")).toEqual(itf.vars);
  const { "#meta": _, "mbt::actionTaken": first, "mbt::nondetPicks": __, ...initial } = itf.states[0];
  expect(first).toBe("init");
  expect(fromItf(initial)).toEqual(trace.initial.state);
  for (const [i, { action, args }] of trace.steps.entries()) {
    expect(itf.states[i + 1]["mbt::actionTaken"]).toBe(action);
    expect(fromItf(itf.states[i + 1]["mbt::nondetPicks"])).toEqual(args);
  }
});

test("itf: no value is lost", () => {
  const { value } = fc.letrec<{ value: PlainValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.boolean(),
      fc.integer(),
      fc.string(),
      fc.constant(null),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "b", "use"), tie("value"), { noNullPrototype: true }),
    ),
  }));
  fc.assert(
    fc.property(value, (plain) => {
      expect(fromItf(toItf(plain))).toEqual(plain);
    }),
  );
});

test("chrome: every step once, on its lane's thread, in order", async () => {
  const { traceEvents } = JSON.parse(await exported("chrome"));
  const event = z.object({ ph: z.enum(["M", "X"]), name: z.string(), pid: z.int(), tid: z.int() });
  z.array(event.loose()).parse(traceEvents);
  const of = (cat: string) => traceEvents.filter((each: { cat?: string }) => each.cat === cat);
  expect(of("step").map(({ name }: { name: string }) => name)).toEqual(
    trace.steps.map(({ action }) => action),
  );
  expect(of("call").length).toBeGreaterThan(1);
});

test("shiviz: every line is read, and a lane's clock goes up by one", async () => {
  const [expressionLine, , ...lines] = (await exported("shiviz")).trimEnd().split("\n");
  expect(expressionLine).toBe(shivizExpression);
  const seen = new Map<string, number>();
  for (const line of lines) {
    const { host, clock } = new RegExp(shivizExpression).exec(line)?.groups ?? {};
    const own = JSON.parse(clock)[host];
    expect(own).toBe((seen.get(host) ?? 0) + 1);
    seen.set(host, own);
  }
  expect(lines).toHaveLength(trace.steps.length);
});

test("markdown: the sentence, the schedule, the command", async () => {
  const text = await exported("markdown");
  expect(text).toContain(trace.property.sentence);
  expect(text).toContain(trace.reproduce);
  expect(text).toMatch(/^ +1 {2}/m);
});

const graphviz = spawnSync("dot", ["-V"]).error === undefined;

test.skipIf(!graphviz)("dot: Graphviz draws every step", async () => {
  const drawn = spawnSync("dot", ["-Tsvg"], { input: await exported("dot"), encoding: "utf8" });
  expect(drawn.stderr).toBe("");
  expect(drawn.stdout.match(/<g id="node/g)).toHaveLength(trace.steps.length);
});

test("what the model does not accept is not exported", async () => {
  const wrong = { ...trace, steps: trace.steps.slice(0, -1) };
  writeFileSync(join(world.io.cwd, "wrong.json"), JSON.stringify(wrong));
  const own = fakeWorld();
  const here = { ...own, io: { ...own.io, cwd: world.io.cwd } };
  const { code, stderr } = await runFake("export wrong.json --to itf", here, loadDesigns());
  expect(code).toBe(4);
  expect(stderr).toContain("reproduce: npx dmaspec export wrong.json --to itf");
});
