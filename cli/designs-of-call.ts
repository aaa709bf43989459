/** The designs that a call of the command may be about: most calls need few, and reading all takes longer than a search. */
import { exampleDesigns } from "../checker/examples/index.ts";
import { readBuildDigest } from "./program-digest.ts";
import type { Registry } from "./registry.ts";

/** For a command that looks at the design that `--design` names, or at its default, and at no other. */
export async function loadDesignsOfCall(argv: readonly string[]): Promise<Registry> {
  const name = designIn(argv);
  const examplesOnly: Registry = {
    builtFrom: readBuildDigest(),
    designs: [],
    examples: exampleDesigns,
    weakenings: [],
    equivalentMutants: {},
    explainedGaps: {},
  };
  if (exampleDesigns.some((design) => design.name === name)) return examplesOnly;
  const { designs } = await import("../properties/index.ts");
  // No weakening is anybody's default.
  if (name === null || designs.some((design) => design.name === name)) return { ...examplesOnly, designs };
  return loadAllDesigns();
}

export async function loadAllDesigns(): Promise<Registry> {
  return (await import("./designs.ts")).loadDesigns();
}

/** What `--design` says. */
function designIn(argv: readonly string[]): string | null {
  const at = argv.findLastIndex((word) => word === "--design" || word.startsWith("--design="));
  if (at < 0) return null;
  return argv[at] === "--design" ? (argv[at + 1] ?? null) : argv[at].slice("--design=".length);
}
