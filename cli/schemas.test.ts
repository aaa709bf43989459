import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";
import { formatJsonSchema, publishedSchemas } from "./schemas.ts";

/** When this fails: `npx vitest run cli/schemas.test.ts --update` writes docs/schemas/ anew. */
test.each(Object.keys(publishedSchemas))("docs/schemas/%s is what the command prints by", async (name) => {
  await expect(formatJsonSchema(name)).toMatchFileSnapshot(`../docs/schemas/${name}`);
});

describe("the published JSON Schemas accept what the commands print", () => {
  const validate = (name: string, text: string): void => {
    const published = JSON.parse(readFileSync(new URL(`../docs/schemas/${name}`, import.meta.url), "utf8"));
    expect(JSON.parse(text).schema).toBe(published.title);
    z.fromJSONSchema(published).parse(JSON.parse(text));
  };
  const trace = "trace.json";

  test.each([
    ["check@1.json", "check --design sound --json"],
    ["check@1.json", "check --design broken --json"],
    ["check@1.json", "check --design panicking --json"],
    ["simulate@1.json", "simulate --design broken --json"],
    ["matrix@1.json", "matrix --json"],
    ["matrix@1.json", "start --json"],
    ["teeth@1.json", "teeth --json"],
    ["examples@1.json", "examples --design panicking --json"],
    ["ledger@1.json", "ledger --design sound --json"],
    ["mutate@1.json", "mutate --design panicking --json"],
    ["coverage@1.json", "coverage --design panicking --json"],
    ["list@1.json", "list --json"],
  ])("%s: %s", async (name, words) => {
    validate(name, (await runFake(words)).stdout);
  });

  test("traces, and their replay", async () => {
    const { world } = await runFake(`check --design broken --trace ${trace}`);
    validate("trace@1.json", readFileSync(join(world.io.cwd, trace), "utf8"));
    const replayed = await runFake(`replay ${trace} --json`, {
      ...fakeWorld(),
      io: { ...world.io, stdout: again.io.stdout },
    });
    expect(replayed.code).toBe(0);
    validate("replay@1.json", again.stdout());
  });

  test.each([
    ["why@1.json", ["why", trace, "--json"]],
    ["why-not@1.json", ["why-not", `${trace}:2`, "bump", "--json"]],
    ["why-not@1.json", ["why-not", trace, "count(place: 0)", "--json"]],
    ["minimise@1.json", ["minimise", trace, "--json"]],
  ])("%s: %s", async (name, words) => {
    const { world } = await runFake(`check --design broken --trace ${trace}`);
    const own = fakeWorld();
    expect(await main(words, { ...own.io, cwd: world.io.cwd }, fakeRegistry)).toBe(0);
    validate(name, own.stdout());
  });

  const again = fakeWorld();
});
