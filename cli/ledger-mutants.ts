/** The part of the ledger that is about mutants: what noticed them, by the output of `dmaspec mutate --json`. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { usageError } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { type LedgerOutput, type MutateOutput, mutateSchema } from "./schemas.ts";
import { formatCount } from "./text.ts";

type NoticedMutants = NonNullable<LedgerOutput["mutants"]>;

/** Reads what `dmaspec mutate --json` printed of this design. Throws a usage error for anything else. */
export function readMutants(io: Io, file: string, design: string): NoticedMutants {
  const remedy = `write it with npx dmaspec mutate --design ${design} --json`;
  let found: MutateOutput;
  try {
    found = mutateSchema.parse(JSON.parse(readFileSync(resolve(io.cwd, file), "utf8")));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the mutants could not be read from ${file}: ${why}`, remedy);
  }
  if (found.design !== design)
    throw usageError(`${file} has the mutants of ${found.design}, not of ${design}`, remedy);
  return computeNoticed(found.weakenings);
}

/** What is no property has no name of its own in the ledger, but a kind: in order, by how many mutants it noticed. */
function computeNoticed(fates: MutateOutput["weakenings"]): NoticedMutants {
  const noticed = new Map<string, { first: number; alone: string[] }>();
  for (const { name, killed, property, length, alsoBroken } of fates) {
    if (!killed || property === null) continue;
    const by = length === null ? kindOf(property) : property;
    const entry = noticed.get(by) ?? { first: 0, alone: [] };
    entry.first++;
    if (alsoBroken?.length === 0) entry.alone.push(name);
    noticed.set(by, entry);
  }
  return [...noticed]
    .map(([by, entry]) => ({ by, ...entry }))
    .toSorted((a, b) => b.first - a.first || a.by.localeCompare(b.by));
}

function kindOf(notice: string): string {
  if (notice.startsWith("the witness")) return "a witness that is reached no more";
  return notice.replace(/:.*$/s, "");
}

export function renderMutants(mutants: NoticedMutants): string[] {
  const all = mutants.reduce((sum, { first }) => sum + first, 0);
  return [
    "",
    "## Mutants",
    "",
    `Of the small changes that \`dmaspec mutate\` makes, ${formatCount(all)} are noticed. By what first, and those in whose scenario, the smallest that notices them, nothing else breaks in any state:`,
    "",
    "| noticed first by | mutants | alone |",
    "|---|---|---|",
    ...mutants.map(
      ({ by, first, alone }) =>
        `| ${by} | ${first} | ${alone.length}${alone.length === 0 ? "" : `: ${alone.join("; ").replaceAll("|", "\\|")}`} |`,
    ),
  ];
}
