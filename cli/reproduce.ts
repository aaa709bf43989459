/** The command that does a run again, ready to paste. */
import type { LimitFlags } from "./flags.ts";
import { isReducing } from "./reduced-search.ts";
import type { Preparation } from "./run.ts";
import { quoteForShell } from "./text.ts";

export interface Reproduction extends LimitFlags {
  readonly command: "check" | "simulate" | "atomicity" | "noninterference";
  readonly property?: string | undefined;
  readonly all?: boolean;
  readonly fingerprints?: boolean;
  /** Options of the one command, as they are written. */
  readonly more?: readonly string[];
}

/** `npx dmaspec check --design ...`, with every choice that matters to the result. */
export function formatReproduction(
  { target, engine, workers, reduce, powersOff, assumptionsOff }: Preparation,
  of: Reproduction,
): string {
  const added = (off: readonly string[], known: readonly string[] = []) =>
    off.filter((name) => !known.includes(name));
  const words = [
    "npx",
    "dmaspec",
    of.command,
    "--design",
    target.design.name,
    "--scenario",
    target.scenario.name,
    "--size",
    target.size,
    ...(engine === "auto" ? [] : ["--engine", engine]),
    ...(workers === undefined ? [] : ["--workers", String(workers)]),
    ...(isReducing(reduce) ? ["--reduce", reduce] : []),
    ...(of.property === undefined ? [] : ["--property", of.property]),
    ...(of.all === true ? ["--all"] : []),
    ...(of.fingerprints === true ? ["--fingerprints"] : []),
    ...added(powersOff, target.scope.powersOff).flatMap((name) => ["--power", `${name}=off`]),
    ...added(assumptionsOff, target.scope.assumptionsOff).flatMap((name) => ["--assume", `${name}=off`]),
    ...(of.maxStates === undefined ? [] : ["--max-states", String(of.maxStates)]),
    ...(of.maxDepth === undefined ? [] : ["--max-depth", String(of.maxDepth)]),
    ...(of.memory === undefined ? [] : ["--memory", String(of.memory)]),
    ...(of.maxSeconds === undefined ? [] : ["--max-seconds", String(of.maxSeconds)]),
    ...(of.more ?? []),
  ];
  return words.map((word) => quoteForShell(word)).join(" ");
}
