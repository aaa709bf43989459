/** `dmaspec bench`: our engines, and SPIN and Rumur where they are installed, on dma-core in one run. */
import { execFileSync } from "node:child_process";
import { buildCommand } from "@stricli/core";
import { isInstalled, type PeerName, runPeer } from "../../bench/peers/run.ts";
import type { Context } from "../context.ts";
import { type EngineName, engines } from "../engines.ts";
import { exitCodes, ReportedError, usageError } from "../exit-codes.ts";
import { jsonFlag, parseWhole } from "../flags.ts";
import type { BenchOutput, CheckOutput } from "../schemas.ts";
import { formatBytes, formatCount, formatTable } from "../text.ts";

interface BenchFlags {
  readonly instances: readonly string[];
  readonly engines: readonly string[];
  readonly runs: number;
  readonly json?: boolean;
}

type Row = BenchOutput["rows"][number];

const peers: readonly PeerName[] = ["spin", "rumur"];
/** `wasm` with one thread, and with two. */
const parallel = "wasm2";
const known: readonly string[] = [...engines, parallel, ...peers];
/** The reference evaluator takes hours on anything larger. */
const largestForReference = "3x2x2";

export const benchCommand = buildCommand<BenchFlags, [], Context>({
  parameters: {
    flags: {
      instances: {
        kind: "parsed",
        parse: (text: string) => parseList(text, /^\dx\dx\d$/, "an instance like 3x3x2"),
        default: "3x2x2,3x3x2",
        placeholder: "LIST",
        brief: "dma-core instances: pages x iovas x CPUs",
      },
      engines: {
        kind: "parsed",
        parse: (text: string) =>
          parseList(text, new RegExp(`^(${known.join("|")})$`), `one of ${known.join(", ")}`),
        default: known.join(","),
        placeholder: "LIST",
        brief: "Which engines and peers to run",
      },
      runs: {
        kind: "parsed",
        parse: parseWhole,
        default: "1",
        placeholder: "N",
        brief: "Runs of each, in turn; the median counts",
      },
      json: jsonFlag(),
    },
  },
  docs: {
    brief: "Time the engines on dma-core, beside SPIN and Rumur",
    fullDescription: [
      "Runs every engine on the same instances, each in a process of its own, without reductions, all",
      "invariants on, and demands equal counts of states and transitions. Peers that are not installed are",
      `named and left out. The reference evaluator runs on ${largestForReference} and smaller only.`,
      "",
      "Machines are noisy: quote ratios taken in one run.",
    ].join("\n"),
  },
  func(flags) {
    const { stdout, stderr } = this.io;
    const wanted = flags.engines.filter((name) => {
      const isPeer = peers.some((peer) => peer === name);
      if (!isPeer || isInstalled(name as PeerName)) return true;
      stderr.write(`!!! ${name} is not installed: it is left out !!!\n`);
      return false;
    });
    const rows = flags.instances.flatMap((instance) => {
      const some = wanted.filter(
        (name) => name !== "reference" || sizeOf(instance) <= sizeOf(largestForReference),
      );
      const runs = Array.from({ length: Math.max(1, flags.runs) }, () =>
        some.map((name) => runOne(name, instance)),
      );
      const medians = some.map((_, k) => medianOf(runs.map((run) => run[k])));
      requireEqualCounts(medians);
      return medians;
    });
    const output: BenchOutput = { schema: "dmaspec/bench@1", runs: Math.max(1, flags.runs), rows };
    stdout.write(
      flags.json === true ? `${JSON.stringify(output, null, 2)}\n` : `${formatRows(rows).join("\n")}\n`,
    );
    this.exitCode = exitCodes.holds;
  },
});

function parseList(text: string, shape: RegExp, what: string): string[] {
  const list = text.split(",").map((item) => item.trim());
  const bad = list.find((item) => !shape.test(item));
  if (bad !== undefined) throw usageError(`"${bad}" is not ${what}`, "give a list with commas and no spaces");
  return list;
}

/** A measure by which instances compare: the product of the numbers in the name. */
function sizeOf(instance: string): number {
  return instance
    .split("x")
    .map(Number)
    .reduce((product, n) => product * n, 1);
}

function runOne(name: string, instance: string): Row {
  const isPeer = peers.some((peer) => peer === name);
  if (isPeer) return runOfPeer(name as PeerName, instance);
  return name === parallel ? runOfEngine("wasm", instance, 2) : runOfEngine(name as EngineName, instance, 1);
}

function runOfPeer(engine: PeerName, instance: string): Row {
  const { states, transitions, seconds, peakBytes, workers } = runPeer(engine, instance);
  return {
    engine,
    instance,
    workers,
    states,
    transitions,
    seconds,
    statesPerSecond: Math.round(states / seconds),
    tableBytesPerState: null,
    peakBytesPerState: peakBytes === null ? null : peakBytes / states,
  };
}

/** Our engines run as the command runs them: `check`, in a process of its own. */
function runOfEngine(engine: EngineName, instance: string, workers: number): Row {
  const words = [
    "check",
    "--design",
    "dma-core",
    "--scenario",
    instance,
    "--engine",
    engine,
    "--reduce",
    "none",
    "--workers",
    String(workers),
  ];
  const text = execFileSync(process.execPath, [...process.execArgv, process.argv[1], ...words, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 28,
  });
  const found = JSON.parse(text) as CheckOutput;
  return {
    engine,
    instance,
    workers: found.engine.workers,
    states: found.states,
    transitions: found.transitions,
    seconds: found.seconds,
    statesPerSecond: found.statesPerSecond,
    tableBytesPerState: found.tableBytesPerState,
    peakBytesPerState: found.peakMemoryBytes / found.states,
  };
}

function medianOf(runs: readonly Row[]): Row {
  const sorted = runs.toSorted((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)];
}

function requireEqualCounts(rows: readonly Row[]): void {
  const [first, ...others] = rows;
  const odd = others.find(
    ({ states, transitions }) => states !== first.states || transitions !== first.transitions,
  );
  if (odd === undefined) return;
  const countsOf = ({ engine, states, transitions }: Row): string =>
    `${engine}: ${states} states, ${transitions} transitions`;
  throw new ReportedError(
    exitCodes.internal,
    `on dma-core ${first.instance} the counts differ: ${countsOf(first)}; ${countsOf(odd)}`,
    "one of the two is wrong: trust neither's figures",
  );
}

/** A table with the speed of each as a multiple of SPIN's on the same instance, where SPIN ran. */
function formatRows(rows: readonly Row[]): string[] {
  const spinOn = (instance: string) => rows.find((row) => row.engine === "spin" && row.instance === instance);
  const cells = rows.map((row) => {
    const spin = spinOn(row.instance);
    return [
      row.instance,
      row.engine,
      `${row.workers}`,
      formatCount(row.states),
      formatCount(row.transitions),
      `${row.seconds.toFixed(2)} s`,
      `${formatCount(row.statesPerSecond)}/s`,
      spin === undefined ? "" : `${(row.statesPerSecond / spin.statesPerSecond).toFixed(2)} x SPIN`,
      row.tableBytesPerState === null ? "" : `${row.tableBytesPerState.toFixed(1)} B/state`,
      row.peakBytesPerState === null ? "" : `peak ${formatBytes(row.peakBytesPerState * row.states)}`,
    ];
  });
  return formatTable(cells);
}
