/** The web page of `dmaspec explore` with a schedule in it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { exitCodes, ReportedError } from "./exit-codes.ts";
import { packageRoot } from "./package-root.ts";

/** What the page shows first; explorer/engine/protocol.ts has it as the page reads it. */
export interface ShownFirst {
  readonly version: string;
  readonly route: {
    readonly target: {
      readonly design: string;
      readonly scenario: string;
      readonly size: string;
      readonly powersOff: readonly string[];
      readonly assumptionsOff: readonly string[];
    };
    readonly initial: number;
    readonly path: readonly number[];
  };
  /** The property of the trace. */
  readonly claim: { readonly kind: string; readonly name: string; readonly args: object } | null;
}

/** The page as one HTML text that needs nothing else. */
export async function makePage(first: ShownFirst): Promise<string> {
  const page = await readPage();
  // No text of the data may end the element that it stands in.
  return page.replace("/*EMBEDDED*/", () => JSON.stringify(first).replaceAll("<", String.raw`\u003c`));
}

/** The built page, or one built now from the sources. */
async function readPage(): Promise<string> {
  const root = packageRoot();
  const isSource = import.meta.url.endsWith(".ts");
  const built = join(root, "dist/explorer.html");
  if (!isSource && existsSync(built)) return readFileSync(built, "utf8");
  const script = join(root, "scripts/build-explorer.mjs");
  if (!existsSync(script)) {
    throw new ReportedError(
      exitCodes.internal,
      `the web page is not there (${built})`,
      "install the package again, or run `npm run build` in a checkout",
    );
  }
  const { buildExplorer } = (await import(pathToFileURL(script).href)) as {
    buildExplorer: () => Promise<string>;
  };
  return buildExplorer();
}
