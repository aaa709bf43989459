import { expect, test } from "vitest";
import { fakeRegistry, fakeWorld, runFake } from "./fake-world.ts";
import { teethSchema } from "./schemas.ts";

test("teeth names the property that notices, and its schedule replays", async () => {
  const { code, stdout, world } = await runFake("teeth --json");
  expect(code).toBe(0);
  const { weakenings } = teethSchema.parse(JSON.parse(stdout));
  expect(weakenings).toHaveLength(1);
  expect(weakenings[0]).toMatchObject({
    mechanism: "M01",
    killed: true,
    property: "count-is-small",
    length: 2,
  });
  const again = { ...fakeWorld(), io: { ...world.io, stdout: fakeWorld().io.stdout } };
  expect((await runFake(`replay ${weakenings[0].trace ?? ""}`, again)).code).toBe(0);
});

test("teeth --reduce notices the same", async () => {
  const [plain, reduced] = [await runFake("teeth --json"), await runFake("teeth --reduce all --json")];
  const [table, same] = [plain, reduced].map(({ stdout }) => teethSchema.parse(JSON.parse(stdout)));
  expect(same.weakenings).toEqual(table.weakenings);
  expect(same.reproduce).toBe(`${table.reproduce} --reduce all`);
});

test("a weakening that nobody notices, or that is not searched to the end, fails the run", async () => {
  const [weakening] = fakeRegistry.weakenings;
  const sound = { ...weakening, design: { ...fakeRegistry.designs[0], name: "sound~nothing" } };
  const unnoticed = await runFake("teeth", fakeWorld(), { ...fakeRegistry, weakenings: [sound] });
  expect(unnoticed.code).toBe(1);
  expect(unnoticed.stdout).toContain('"sound counts too far" goes unnoticed (holds).');
  const explained = { ...sound, survives: "It counts the same." };
  const run = (words: string) => runFake(words, fakeWorld(), { ...fakeRegistry, weakenings: [explained] });
  expect((await run("teeth")).code).toBe(0);
  expect((await run("teeth --max-states 2")).code).toBe(1);
});

test("teeth of a mechanism that nothing takes away is a mistake in the call", async () => {
  const { code, stderr } = await runFake("teeth --mechanism M02");
  expect(code).toBe(64);
  expect(stderr).toContain('no weakening of "M02"');
});
