// Writes the generated pages of docs/.
//
//   tsx scripts/write-docs.ts            from the specification and the stored schedules (seconds)
//   tsx scripts/write-docs.ts --search   searches every design again first (minutes)

import { readFileSync, writeFileSync } from "node:fs";
import { renderCorrespondence } from "./docs/correspondence.ts";
import { type Findings, formatFindings, renderFindings, searchFindings } from "./docs/findings.ts";
import { renderMechanisms } from "./docs/mechanisms.ts";

const place = (name: string): URL => new URL(`../docs/${name}`, import.meta.url);

writeFileSync(place("correspondence.md"), renderCorrespondence());
writeFileSync(place("mechanisms.md"), renderMechanisms());
if (process.argv.includes("--search")) {
  const found = await searchFindings((line) => process.stdout.write(`${line}\n`));
  writeFileSync(place("findings.json"), formatFindings(found));
}
const stored = JSON.parse(readFileSync(place("findings.json"), "utf8")) as Findings;
writeFileSync(place("findings.md"), renderFindings(stored));
