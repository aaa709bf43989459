/** The web page in a real browser: Debian's Chromium, where it is installed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Trace } from "../checker/trace/format.ts";
import { loadDesigns } from "./designs.ts";
import { type FakeWorld, fakeWorld, runFake } from "./fake-world.ts";
import { main } from "./main.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
if (executablePath === undefined)
  process.stderr.write("!!! WITHOUT chromium: the tests of the web page are skipped !!!\n");

describe.skipIf(executablePath === undefined)("the web page", () => {
  let world: FakeWorld;
  let trace: Trace;
  let browser: Browser;
  let file: string;
  const open: Page[] = [];

  beforeAll(async () => {
    world = fakeWorld();
    const words = "check --design pv-2025 --property dma-secrecy --trace trace.json";
    expect((await runFake(words, world, loadDesigns())).code).toBe(1);
    trace = JSON.parse(readFileSync(join(world.io.cwd, "trace.json"), "utf8"));
    const own = fakeWorld();
    const io = { ...own.io, cwd: world.io.cwd };
    expect(await main(["explore", "trace.json", "--out", "page.html"], io, loadDesigns())).toBe(0);
    file = pathToFileURL(join(world.io.cwd, "page.html")).href;
    browser = await chromium.launch({
      ...(executablePath === undefined ? {} : { executablePath }),
      args: ["--no-sandbox", "--disable-background-networking"],
    });
  }, 90_000);

  afterAll(async () => {
    await browser.close();
  });

  /** Opens a page, keeps what it asks for over the network, and fails on errors in it. */
  async function show(url: string, colorScheme: "light" | "dark" = "light") {
    const page = await browser.newPage({ viewport: { width: 1366, height: 768 }, colorScheme });
    open.push(page);
    const asked: string[] = [];
    const errors: string[] = [];
    page.on("request", (request) => {
      if (!/^(blob|data):/.test(request.url())) asked.push(request.url().replace(/[#?].*/s, ""));
    });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    await page.goto(url);
    await settled(page);
    return { page, asked, errors };
  }

  /** Until the page shows the state after so many steps, and has told what can be done there. */
  async function settled(page: Page, step?: number): Promise<void> {
    if (step !== undefined) await page.waitForSelector(`main[data-step="${step}"]`);
    await page.waitForSelector('[aria-label="Walk"][data-ready="true"]', { timeout: 30_000 });
  }

  const stepOf = (page: Page) => page.locator("main").getAttribute("data-step").then(Number);
  const length = () => trace.steps.length;

  /** Every place of the state shown, as the page tells it. */
  async function stateOf(page: Page): Promise<string> {
    const whole = page.getByLabel("whole state");
    await whole.check();
    const text = await page.locator('[aria-label="State"] table').innerText();
    await whole.uncheck();
    return text;
  }

  test("from disk, by keyboard: the schedule, the violation, and not a byte from the network", async () => {
    const { page, asked, errors } = await show(file);
    expect(await stepOf(page)).toBe(0);
    expect(await page.locator(".banner.bad").count()).toBe(0);
    for (let n = 1; n <= 3; n++) await page.keyboard.press("ArrowDown");
    await settled(page, 3);
    await page.keyboard.press("k");
    await settled(page, 2);
    expect(await page.locator('[aria-current="step"]').innerText()).toMatch(
      /map_pages: take a reference to the domain\s+in domain_get \(2025\)/,
    );
    await page.keyboard.press("End");
    await settled(page, length());
    expect(await stepOf(page)).toBe(length());
    expect(await page.locator(".banner.bad").innerText()).toContain(trace.property.explanation);
    expect(await page.locator('[aria-current="step"].broken').count()).toBe(1);
    // What leads to the culprit is drawn, and marked.
    expect(await page.locator("svg.picture path.bad").count()).toBeGreaterThan(0);
    expect(await page.locator("svg.picture .culprit").textContent()).toContain("page 1");
    expect(asked).toEqual([file]);
    expect(errors).toEqual([]);
  });

  test("what the step changed, the whole state, and a filter", async () => {
    const { page } = await show(file);
    await page.keyboard.press("End");
    await settled(page, length());
    const rows = page.locator('[aria-label="State"] tr');
    const changes = trace.steps[length() - 1].changes ?? [];
    expect(await rows.count()).toBe(changes.length);
    await page.getByLabel("whole state").check();
    expect(await rows.count()).toBeGreaterThan(30);
    await page.keyboard.press("Tab");
    await page.locator('[aria-label="State"] input[type="search"]').fill("pages[1].owner");
    expect(await rows.allInnerTexts()).toEqual([
      expect.stringMatching(/^pages\[1\]\.owner\s+host → guest\(vm: 0\)$/),
    ]);
  });

  test("another road, whose address leads to the same state again", async () => {
    const { page, errors } = await show(file);
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    await settled(page, length() - 1);
    const other = page.locator("button.choice").filter({ hasNotText: "the schedule’s next step" }).first();
    await other.focus();
    await page.keyboard.press("Enter");
    await settled(page, length());
    expect(await stepOf(page)).toBe(length());
    expect(await page.getByLabel("Verdict").innerText()).not.toContain("dma-secrecy");
    const [url, state] = [page.url(), await stateOf(page)];
    const again = await show(url);
    expect(await stepOf(again.page)).toBe(length());
    expect(await stateOf(again.page)).toBe(state);
    // The browser's back button takes the step back.
    await page.goBack();
    await settled(page, length() - 1);
    expect(await stepOf(page)).toBe(length() - 1);
    expect([...errors, ...again.errors]).toEqual([]);
  });

  test("what happens, and the nearest schedule that does not fail, from where it parts", async () => {
    const { page, errors } = await show(file);
    await settled(page, 0);
    const story = page.getByLabel("What happens");
    expect(await story.innerText()).toMatch(/So dma-secrecy.* is broken/);
    await page.getByRole("button", { name: "look for the nearest schedule that does not fail" }).click();
    await page.getByRole("button", { name: "walk it" }).click();
    await story.waitFor({ state: "detached" });
    const parts = await stepOf(page);
    expect(parts).toBeGreaterThan(0);
    await page.keyboard.press("End");
    await page.waitForFunction(`document.querySelector("main").dataset.step > ${parts}`);
    expect(await page.getByLabel("Verdict").innerText()).toContain("No property is broken here");
    expect(errors).toEqual([]);
  });

  test("what cannot be done says why, and the model runs until something holds", async () => {
    const { page } = await show(`${file}#design=philosophers&scenario=3seats&size=tiny&path=0&at=1`);
    expect(await page.locator("li.refused").first().innerText()).toContain("is still in a call");
    await page.getByLabel("run until").selectOption("broken:no-deadlock");
    await page.getByRole("button", { name: "run", exact: true }).click();
    await page.waitForSelector(".banner.bad");
    expect(await page.locator(".banner.bad").innerText()).toContain("no-deadlock is broken");
  });

  test("an address whose steps the model does not take says so", async () => {
    const { page } = await show(`${file}#design=philosophers&scenario=3seats&size=tiny&path=0.0&at=2`);
    expect(await page.getByRole("alert").innerText()).toContain("step 2");
    expect(await stepOf(page)).toBe(1);
  });

  test("served on this machine, until Ctrl-C", async () => {
    const own = fakeWorld();
    const io = { ...own.io, cwd: world.io.cwd };
    const running = main(["explore", "trace.json", "--port", "0"], io, loadDesigns());
    let url: string | undefined;
    while (url === undefined) {
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((later) => setTimeout(later, 20));
      url = /http:\/\/127\.0\.0\.1:\d+\//.exec(own.stdout())?.[0];
    }
    const { page, asked, errors } = await show(url);
    await page.keyboard.press("End");
    await page.waitForSelector(".banner.bad");
    expect(asked).toEqual([url]);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "copy link" }).click();
    await page.getByText("copied", { exact: true }).waitFor();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    const again = await show(copied);
    expect(await stepOf(again.page)).toBe(length());
    expect(await again.page.locator(".banner.bad").innerText()).toContain(trace.property.explanation);
    await again.page.close();
    expect(errors).toEqual([]);
    const elsewhere = await fetch(`${url}traces`);
    expect(elsewhere.status).toBe(404);
    await page.close();
    own.interrupt();
    expect(await running).toBe(0);
    await expect(fetch(url)).rejects.toThrow();
  });

  test.each(["light", "dark"] as const)("axe-core finds nothing in %s colours", async (scheme) => {
    const { page } = await show(file, scheme);
    await page.keyboard.press("End");
    await settled(page, length());
    await page.getByLabel("whole state").check();
    await page.evaluate(axe.source);
    const violations = await page.evaluate(async () => {
      const { axe: loaded } = globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; nodes: { target: unknown }[] }[] }> };
      };
      const found = await loaded.run();
      return found.violations.map(({ id, nodes }) => ({ id, at: nodes.map(({ target }) => target) }));
    });
    expect(violations).toEqual([]);
  });
});
