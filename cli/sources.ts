/**
 * Where in the specification's sources a step is written. A step is known by its name, which is a literal in the
 * text of the model; where several files have it (designs replace each other's steps), the design's own file and
 * the procedure's come first.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import type { SourceLine } from "../checker/trace/export/exported.ts";
import type { ReplayedStep } from "../checker/trace/replay.ts";
import { packageRoot } from "./package-root.ts";

/** The folders with the text of models. */
const rooms = ["model", "spec", "properties", "checker/examples"];

interface Source {
  /** Relative to the project's root, with `/`. */
  readonly file: string;
  readonly lines: readonly string[];
}

/** A finder of a design's steps. Reads the sources when it is first asked. */
export function createLocator(
  design: string,
): <S>(step: Pick<ReplayedStep<S>, "instance" | "outcome">) => SourceLine | null {
  let sources: readonly Source[] | null = null;
  return ({ instance, outcome }) => {
    sources ??= readSources();
    const [procedure, ...rest] = instance.action.name.split(": ");
    const point = rest.join(": ").replace(/ #\d+$/, "");
    const names = [...namesOf(point, outcome), instance.action.name, procedure];
    for (const name of names) {
      const found = findLiteral(sources, name, design, procedure) ?? findLock(sources, name, procedure);
      if (found !== null) return found;
    }
    return null;
  };
}

/** The names of what ran, the most exact first: the outcome names the step that a point's checks led to. */
function namesOf(point: string, outcome: string): string[] {
  const [first] = outcome.split("; ");
  const told = /^(returns|refuses|panics)\b/.test(first) ? "" : first.replace(/^not: /, "");
  return [told, point]
    .map((name) => name.replace(/, (refusing|returning|to) ?.*$/, ""))
    .filter((name) => name !== "");
}

function findLiteral(
  sources: readonly Source[],
  name: string,
  design: string,
  procedure: string,
): SourceLine | null {
  const literal = JSON.stringify(name);
  const found = sources.flatMap(({ file, lines }) => {
    const at = lines.findIndex((line) => line.includes(literal));
    return at < 0 ? [] : [{ file, line: at + 1, rank: rankOf(file, lines, design, procedure) }];
  });
  found.sort((a, b) => b.rank - a.rank);
  const [best] = found;
  return best === undefined ? null : { file: best.file, line: best.line };
}

/** How likely it is that a file has the step of this design: its own, then the procedure's, then any model's. */
function rankOf(file: string, lines: readonly string[], design: string, procedure: string): number {
  const name = basename(file).replace(/\.[jt]s$/, "");
  const isEditOf =
    file.includes("designs/") && lines.some((line) => line.includes(JSON.stringify(procedure)));
  if (name === design) return 5;
  if (file.includes("designs/") && name.startsWith(`${design}-`) && isEditOf) return 4;
  if (name === procedure.replaceAll("_", "-")) return 3;
  if (file.includes("designs/")) return 0;
  return file.startsWith("model/") || file.startsWith("checker/") ? 2 : 1;
}

/** `acquire pgt_lock`: where the procedure's file takes the lock, or where the lock is declared. */
function findLock(sources: readonly Source[], name: string, procedure: string): SourceLine | null {
  const [, lock] = /^(?:acquire|release) (.+)$/.exec(name) ?? [];
  if (lock === undefined) return null;
  const literal = `name: ${JSON.stringify(lock)}`;
  for (const { file, lines } of sources) {
    const at = lines.findIndex((line) => line.includes(literal));
    if (at < 0) continue;
    const declared = lines.slice(Math.max(0, at - 3), at + 1).join("\n");
    const variable = [...declared.matchAll(/const (\w+)\b/g)].at(-1)?.[1];
    const own = sources.find((source) =>
      basename(source.file).startsWith(`${procedure.replaceAll("_", "-")}.`),
    );
    const use =
      variable === undefined
        ? -1
        : (own?.lines.findIndex((line) => !line.includes("import") && line.includes(`(${variable}`)) ?? -1);
    return own !== undefined && use >= 0 ? { file: own.file, line: use + 1 } : { file, line: at + 1 };
  }
  return null;
}

function readSources(): Source[] {
  const root = packageRoot();
  const base = existsSync(join(root, "model")) ? root : join(root, "dist");
  return rooms
    .flatMap((room) => filesIn(join(base, room)))
    .map((path) => ({
      file: relative(root, path).replaceAll("\\", "/"),
      lines: readFileSync(path, "utf8").split("\n"),
    }));
}

function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /(?<!\.test|\.d)\.[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
