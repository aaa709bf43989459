import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, type TestCase } from "junit2json";
import { expect, test } from "vitest";
import { runFake } from "./fake-world.ts";

/** Runs a check with --junit; resolves to the suite as a consumer of JUnit's XML reads it. */
async function suiteOf(words: string) {
  const { world, code } = await runFake(`check ${words} --junit out/junit.xml`);
  const suites = await parse(readFileSync(join(world.io.cwd, "out/junit.xml"), "utf8"));
  if (suites === null || suites === undefined || !("testsuite" in suites)) throw new Error("no test suites");
  const [suite] = suites.testsuite ?? [];
  const cases = new Map((suite.testcase ?? []).map((each: TestCase) => [each.name, each]));
  return { code, suite, cases };
}

test("what holds passes", async () => {
  const { code, suite, cases } = await suiteOf("--design sound");
  expect(code).toBe(0);
  expect(suite).toMatchObject({ name: "sound counting tiny", failures: 0, errors: 0, skipped: 0 });
  expect([...cases.keys()]).toEqual([
    "count-is-small",
    "nothing-else",
    "counts-do-not-fall",
    "witness: something-counted",
  ]);
  expect(suite.tests).toBe(cases.size);
});

test("a violation fails with its schedule, and what was not decided is an error, never green", async () => {
  const { code, suite, cases } = await suiteOf("--design broken");
  expect(code).toBe(1);
  expect(suite).toMatchObject({ failures: 1, errors: 2 });
  const [failure] = cases.get("count-is-small")?.failure ?? [];
  expect(failure).toMatchObject({ message: "the count is 5, and 5 is bad", type: "violated" });
  expect(failure.inner).toContain("npx dmaspec replay");
  expect(cases.get("nothing-else")?.error?.[0]).toMatchObject({ type: "incomplete" });
});

test("a witness that every state lacks fails", async () => {
  const { code, suite, cases } = await suiteOf("--design empty");
  expect(code).toBe(3);
  expect(cases.get("witness: the-impossible")?.failure?.[0]).toMatchObject({ type: "vacuous" });
  expect(suite.errors).toBe(3);
});
