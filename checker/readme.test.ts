/** The model in the README is a model that runs, and breaks when its lock is taken away. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";

const here = dirname(fileURLToPath(import.meta.url));
const folder = mkdtempSync(join(here, "..", "traces-readme-"));
afterAll(() => rmSync(folder, { recursive: true }));

const readme = readFileSync(join(here, "README.md"), "utf8");
const [, text] = /```ts\n(.*?)```/s.exec(readme) ?? [];

async function run(source: string, name: string): Promise<string> {
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, source.replace("pkvm-dma-spec/checker", join(here, "index.ts")));
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  await import(file);
  const said = log.mock.calls.flat().join(" ");
  log.mockRestore();
  return said;
}

test("the model says what its comment promises", async () => {
  const [, promised] = /console\.log\(.*\); \/\/ (.*)/.exec(text) ?? [];
  expect(await run(text, "as-printed")).toBe(promised);
});

test("without the bracket, the property is violated", async () => {
  const unlocked = text.replace("locked(lock, [", "...[").replace("]),\n]);", "],\n]);");
  expect(unlocked).not.toBe(text);
  expect(await run(unlocked, "unlocked")).toMatch(/^exhausted \d+ 1$/);
});
