/** Options that several commands share, and how their values are read. */
import { type EngineChoice, engineChoices, mostWorkers } from "./engines.ts";
import type { FlagParametersForType } from "@stricli/core";
import type { Context } from "./context.ts";
import { usageError } from "./exit-codes.ts";

/** Which design on which scenario in which size, and with what switched off. */
export interface TargetFlags {
  readonly design: string;
  readonly scenario?: string;
  readonly size?: string;
  /** Names of powers that are off. */
  readonly power?: readonly string[];
  /** Names of assumptions that are off. */
  readonly assume?: readonly string[];
}

export interface LimitFlags {
  readonly maxStates?: number;
  readonly maxDepth?: number;
  /** Bytes. */
  readonly memory?: number;
  readonly maxSeconds?: number;
}

export interface SearchFlags {
  readonly engine: EngineChoice;
  readonly workers?: number;
  readonly property?: string;
  readonly trace?: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** What `--reduce` may say. `auto`: all, but only where the search without them is large, or does not fit into memory. */
export const reduceChoices = ["auto", "none", "symmetry", "locks", "order", "all"] as const;
export type ReduceChoice = (typeof reduceChoices)[number];

export interface ReduceFlags {
  readonly reduce: ReduceChoice;
  /** Search again without reductions, and compare. */
  readonly audit?: boolean;
}

export const targetFlags: FlagParametersForType<TargetFlags, Context> = {
  design: {
    kind: "parsed",
    parse: String,
    default: "pv",
    placeholder: "NAME",
    brief: "The design to check; `dmaspec list` has them all",
  },
  scenario: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "NAME",
    brief: "What is tried on it [default: the design's own]",
  },
  size: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "SIZE",
    brief: "The bounds: tiny (seconds), paper (minutes), soak [default = tiny]",
  },
  power: {
    kind: "parsed",
    parse: parseOff,
    variadic: true,
    optional: true,
    placeholder: "NAME=off",
    brief: "Switch one of the host's powers off",
  },
  assume: {
    kind: "parsed",
    parse: parseOff,
    variadic: true,
    optional: true,
    placeholder: "NAME=off",
    brief: "Switch a hardware assumption off",
  },
};

export const limitFlags: FlagParametersForType<LimitFlags, Context> = {
  maxStates: {
    kind: "parsed",
    parse: parseWhole,
    optional: true,
    placeholder: "N",
    brief: "Stop after so many distinct states",
  },
  maxDepth: {
    kind: "parsed",
    parse: parseWhole,
    optional: true,
    placeholder: "N",
    brief: "Go no further than so many steps from the start",
  },
  memory: {
    kind: "parsed",
    parse: parseMemory,
    optional: true,
    placeholder: "SIZE",
    brief: "Stop before states and tables take more, e.g. 512M or 2G",
  },
  maxSeconds: {
    kind: "parsed",
    parse: parseSeconds,
    optional: true,
    placeholder: "N",
    brief: "Stop after so many seconds",
  },
};

export const searchFlags: FlagParametersForType<SearchFlags, Context> = {
  engine: {
    kind: "enum",
    values: engineChoices,
    default: "auto",
    brief: "The evaluator of the recipes: compiled (js, wasm), over accessors, or slow and plain",
  },
  workers: {
    kind: "parsed",
    parse: parseWorkers,
    optional: true,
    placeholder: "N",
    brief: "Threads that search together [default: 2 where they pay]",
  },
  property: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "NAME",
    brief: "Look at this property only",
  },
  trace: {
    kind: "parsed",
    parse: String,
    optional: true,
    placeholder: "FILE",
    brief: "Where to write the counterexample [default: under traces/]",
  },
  seed: {
    kind: "parsed",
    parse: parseWhole,
    default: "1",
    placeholder: "N",
    brief: "The seed of every random choice",
  },
  json: jsonFlag(),
};

export const reduceFlags: FlagParametersForType<ReduceFlags, Context> = {
  reduce: {
    kind: "enum",
    values: reduceChoices,
    default: "auto",
    brief: "Reductions of the search, as far as they apply; auto: where it is large without them",
  },
  audit: {
    kind: "boolean",
    optional: true,
    withNegated: false,
    brief: "Check the reductions in every state, and search again without them to compare",
  },
};

/** `--reduce` of the commands that search one model after the other: none, unless asked for. */
export const tableReduceFlag = {
  kind: "enum",
  values: reduceChoices,
  default: "none",
  brief: "Reductions of each search, as far as they apply (docs/reductions.md)",
} as const;

export function jsonFlag() {
  return {
    kind: "boolean",
    optional: true,
    withNegated: false,
    brief: "Print one JSON object on stdout (docs/schemas/ describes it)",
  } as const;
}

/** A whole number, 0 or more; `1_000_000` and `1e6` are fine. */
export function parseWhole(text: string): number {
  const value = /^\d[\d_]*(e\d+)?$/i.test(text) ? Number(text.replaceAll("_", "")) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw usageError(`"${text}" is no whole number`, "give one like 1000, 1_000 or 1e6");
}

/** A number of threads. */
export function parseWorkers(text: string): number {
  const value = parseWhole(text);
  if (value >= 1 && value <= mostWorkers) return value;
  throw usageError(`a search has 1 to ${mostWorkers} threads, not ${text}`, "one for each core is enough");
}

/** Seconds, 0 or more. */
export function parseSeconds(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw usageError(`"${text}" is no number of seconds`, "give one like 60 or 0.5");
}

/** Bytes: a number with K, M, G or T for powers of 1024, in either case, with or without a B behind. */
export function parseMemory(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?$/i.exec(text);
  if (found === null) throw usageError(`"${text}" is no size of memory`, "give one like 512M or 2G");
  const power = "kmgt".indexOf(found[2].toLowerCase() || "none") + 1;
  return Math.floor(Number(found[1]) * 1024 ** power);
}

/** `NAME=off`: the name. */
export function parseOff(text: string): string {
  const [, name, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (value === "off") return name;
  throw usageError(
    `"${text}" switches nothing off`,
    `write ${name ?? text}=off (what is not named stays on)`,
  );
}
