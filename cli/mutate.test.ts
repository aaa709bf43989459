import { expect, test } from "vitest";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { mutateSchema } from "./schemas.ts";

test("mutate tells what becomes of every change", async () => {
  const { code, stdout } = await runFake("mutate --design panicking --json");
  const { weakenings } = mutateSchema.parse(JSON.parse(stdout));
  expect(weakenings.map(({ name, outcome }) => [name, outcome])).toMatchInlineSnapshot(`
    [
      [
        "call without the step "count the call"",
        "survived",
      ],
      [
        "call without the check "the place is the first"",
        "survived",
      ],
      [
        "call without the step "finish"",
        "killed",
      ],
      [
        "call with "the place is the first" before "count the call"",
        "survived",
      ],
      [
        "call with "finish" before "the place is the first"",
        "survived",
      ],
    ]
  `);
  expect(code).toBe(1);
  const parts = await Promise.all(
    ["1/2", "2/2"].map(async (share) => {
      const part = await runFake(`mutate --design panicking --share ${share} --json`);
      return mutateSchema.parse(JSON.parse(part.stdout)).weakenings;
    }),
  );
  expect(parts.flat()).toHaveLength(weakenings.length);
});

test("a survivor with a reason is answered; a reason for what is noticed is an error", async () => {
  const { stdout } = await runFake("mutate --design panicking --json");
  const { weakenings } = mutateSchema.parse(JSON.parse(stdout));
  const run = (names: readonly string[]) =>
    runFake("mutate --design panicking", fakeWorld(), {
      ...fakeRegistry,
      equivalentMutants: Object.fromEntries(names.map((name) => [`panicking: ${name}`, "It is one."])),
    });
  const survivors = weakenings.flatMap(({ name, outcome }) => (outcome === "survived" ? [name] : []));
  expect((await run(survivors)).code).toBe(0);
  const all = await run(weakenings.map(({ name }) => name));
  expect(all.code).toBe(1);
  expect(all.stdout).toContain("said to make no difference, but noticed by few-calls");
});
