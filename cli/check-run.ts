/** A check from its preparation to its outcome, as `check`, `simulate`, `matrix` and `start` all do it. */
import type { Evaluator } from "../checker/evaluate/evaluator.ts";
import type { SearchOptions, SearchResult } from "../checker/search/result.ts";
import { CheckpointError } from "../checker/search/checkpoint.ts";
import { FolderCheckpoints, type OpenedCheckpoint } from "./checkpoint-file.ts";
import { type Cause, findCause } from "../checker/trace/why/cause.ts";
import { type Counterexample, defaultTraceFile, replayViolation, writeTrace } from "./counterexample.ts";
import { crossCheck } from "./cross-check.ts";
import { DiskSpill } from "./disk-spill.ts";
import { exitCodes, ReportedError, usageError } from "./exit-codes.ts";
import type { LimitFlags } from "./flags.ts";
import { withInterrupts } from "./interrupt.ts";
import type { Io } from "./io.ts";
import { type Judgement, judge } from "./judge.ts";
import { ProgressLine } from "./progress.ts";
import { type ChosenEngine, chooseEngine, searchReduced } from "./engines.ts";
import type { ReducedSearch, Reductions } from "../checker/reduce/index.ts";
import { isReducing, searchAsAsked } from "./reduced-search.ts";
import { type Audit, auditReductions, defaultAuditStates } from "./audit.ts";
import { computeProgramDigest } from "./program-digest.ts";
import { once } from "./once.ts";
import { limitsOf, type Preparation, runSearch } from "./run.ts";
import { formatCount } from "./text.ts";
import { readVersion } from "./version.ts";

export interface Finding extends Counterexample {
  readonly property: string;
  /** Where its schedule first goes wrong; null where it has no steps. Looked for when it is asked for: `matrix` does not. */
  // The state is known by names only.
  // oxlint-disable-next-line no-explicit-any
  readonly getCause: () => Cause<any> | null;
  /** The trace file, as seen from the folder of the command. */
  readonly file: string;
}

export interface Outcome {
  readonly run: Preparation;
  readonly result: SearchResult;
  readonly reductions: Reductions;
  /** The comparison with the search without reductions, where one was asked for. */
  readonly audit: Audit | null;
  readonly judgement: Judgement;
  /** One for each violated property, the shortest first. */
  readonly findings: readonly Finding[];
  readonly crossCheckedStates: number;
  /** What the process took until the first states were in the table; null where a limit came first. */
  readonly start: Start | null;
  readonly engine: Omit<ChosenEngine, "evaluator">;
  readonly reproduce: string;
  /** The run's checkpoints, where some were asked for. */
  readonly checkpoints: FolderCheckpoints | null;
}

export interface CheckpointRequest {
  readonly folder: string;
  /** Seconds between two, at least. */
  readonly every: number;
  /** What the run goes on from; null: it begins. */
  readonly opened: OpenedCheckpoint | null;
  /** The options of the run. */
  readonly flags: object;
}

export interface RunRequest {
  readonly stopAtViolation: boolean;
  readonly limits: LimitFlags;
  readonly seed: number;
  /** Search again without the reductions, and compare. */
  readonly audit?: boolean;
  /** Where the counterexample of the gravest property goes; absent: under traces/. */
  readonly traceFile?: string | undefined;
  /** The command that does this run again, or finds the violation of one property again. */
  reproduce(property?: string): string;
  /** Why the strategy cannot be one in WebAssembly, in a clause. */
  readonly isBound?: string;
  /** Where the search is kept from time to time. */
  readonly checkpoint?: CheckpointRequest | undefined;
  /** Keep fingerprints of the states. */
  readonly fingerprints?: boolean | undefined;
  /** The strategy. */
  search(evaluator: Evaluator, options: SearchOptions): Promise<SearchResult>;
  /** How the violations are found, for the names of the trace files; absent: by a search of every state. */
  readonly found?: string;
  /** What the progress line begins with. */
  readonly title?: string;
}

/** Time since the process began. */
export interface Start {
  readonly seconds: number;
  /** Of all threads, in the program and in the system. */
  readonly cpuSeconds: number;
}

/** Of the memory that is free, how much a search may take when nobody says. */
const shareOfMemory = 0.8;

/** Searches, replays every violation on the reference evaluator, and writes the traces. */
export async function runCheck(io: Io, run: Preparation, request: RunRequest): Promise<Outcome> {
  try {
    return await searchAndJudge(io, run, request);
  } catch (error) {
    if (error instanceof ReportedError && error.exitCode === exitCodes.internal)
      error.reproduce = request.reproduce();
    if (error instanceof CheckpointError) throw usageError(error.message, error.remedy);
    throw error;
  }
}

/** A search, with the engine that did it. */
interface Searched {
  readonly evaluator: Evaluator;
  readonly engine: Omit<ChosenEngine, "evaluator">;
  readonly found: ReducedSearch;
  readonly audit: Audit | null;
  readonly checkpoints: FolderCheckpoints | null;
  readonly start: Start | null;
}

/** States up to which `auto` searches without reductions, in WebAssembly: what is much larger is faster, and smaller, with them. */
const mostUnreduced = 8_000_000;

/**
 * Searches as `--reduce` says. `auto` begins without reductions, which is faster for what is small; where that comes to
 * many states, or memory ends, and nothing is violated, all that apply are used instead.
 */
async function searchAsItFits(io: Io, run: Preparation, request: RunRequest): Promise<Searched> {
  const { checkpoint, limits, stopAtViolation } = request;
  if (run.reduce !== "auto" || checkpoint !== undefined) return searchOnce(io, run, request);
  // Who asks for all violations gets those that were found, however it ends.
  const isToSwitch = stopAtViolation && (limits.maxStates ?? Infinity) > mostUnreduced;
  const first = await searchOnce(io, run, request, isToSwitch ? mostUnreduced : undefined);
  const { ending, seconds, states, violations } = first.found.result;
  const isCutShort = isToSwitch && ending === "max-states" && first.engine.name === "wasm";
  if (violations.length > 0 || !(isCutShort || ending === "memory")) return first;
  const why = isCutShort ? "there are more than" : "memory ended after";
  const most = isCutShort ? mostUnreduced : states;
  io.stderr.write(`${why} ${formatCount(most)} states; searching again with reductions\n`);
  const { maxSeconds } = limits;
  const left = maxSeconds === undefined ? {} : { maxSeconds: Math.max(0, maxSeconds - seconds) };
  const again = { ...request, limits: { ...limits, ...left } };
  const reduced = await searchOnce(io, { ...run, reduce: "all" }, again);
  // Where none applies, that was the whole search: it is of use where the first one was cut short.
  if (reduced.found.used.length > 0 || isCutShort) return { ...reduced, start: first.start };
  return first;
}

/** `mostStates`: with more, a search in WebAssembly ends after a layer. */
async function searchOnce(
  io: Io,
  run: Preparation,
  request: RunRequest,
  mostStates?: number,
): Promise<Searched> {
  const { instance } = run;
  const maxMemory = request.limits.memory ?? Math.floor(process.availableMemory() * shareOfMemory);
  const { checkpoint } = request;
  const memory = checkpoint?.opened?.run.memory ?? maxMemory;
  const { evaluator, ...engine } = await chooseEngine(instance, {
    engine: run.engine,
    workers: run.workers,
    memory,
    identity: run.identity,
    isToSpill: request.limits.memory !== undefined,
    isToReduce: isReducing(run.reduce),
    isBound: whyBound(run, request),
  });
  if (engine.remark !== null) io.stderr.write(`${engine.remark}\n`);
  const checkpoints =
    checkpoint === undefined ? null : checkpointsOf(io, run, checkpoint, { engine: engine.name, memory });
  const progress = new ProgressLine(io, request.title);
  let start: Start | null = null;
  let actual = engine;
  const isAudited = request.audit ?? false;
  const { found, audit } = await runSearch(run, () =>
    withInterrupts(io, async (isInterrupted) => {
      const search = async (
        each: Evaluator,
        within: Pick<SearchOptions, "maxStates" | "maxStatesOfLayers" | "maxDepth"> = {},
      ): Promise<SearchResult> => {
        const spill = new DiskSpill();
        const options: SearchOptions = {
          instances: instance.instances.length,
          witnesses: instance.witnesses.length,
          stopAtViolation: request.stopAtViolation,
          ...limitsOf(request.limits),
          ...within,
          maxMemory,
          spill,
          fingerprints: request.fingerprints === true,
          checkpoints: checkpoints ?? undefined,
          // Where violations are to be expected, their paths are better known than searched for again.
          keepOrigins: !run.target.design.claimsToHold && checkpoints === null,
          onFirstStates: () => (start ??= measureStart()),
          onProgress: progress.report,
          isInterrupted,
        };
        // Reductions are put around an evaluator in JavaScript, whatever searches them.
        const searched =
          engine.name === "wasm" && each.name !== "wasm"
            ? searchReduced(instance, each, options, { workers: engine.workers, memory }, (remark) => {
                actual = { ...engine, name: "js", workers: 1, remark };
                io.stderr.write(`${remark}\n`);
              })
            : request.search(each, options);
        return searched.finally(() => spill.dispose());
      };
      const how = { reduce: run.reduce, seed: request.seed, audit: isAudited, identity: run.identity };
      const atFirst = mostStates === undefined ? {} : { maxStatesOfLayers: mostStates };
      const reduced = await searchAsAsked(instance, evaluator, how, (each, maxDepth) =>
        search(each, { ...atFirst, ...(maxDepth === undefined ? {} : { maxDepth }) }),
      );
      const whole = (): Promise<SearchResult> =>
        search(evaluator, { maxStates: request.limits.maxStates ?? defaultAuditStates });
      return { found: reduced, audit: isAudited ? await auditReductions(instance, reduced, whole) : null };
    }).finally(() => progress.clear()),
  );
  return { evaluator, engine: actual, found, audit, checkpoints, start };
}

/** Why there can be only one thread of JavaScript, in a clause; null if there can be more. */
function whyBound({ reduce }: Preparation, { audit, checkpoint, isBound }: RunRequest): string | null {
  if (isReducing(reduce) && audit === true) return "an audit looks at every state in JavaScript";
  if (isReducing(reduce) && checkpoint !== undefined)
    return "checkpoints of a search with reductions need one in JavaScript";
  return isBound ?? null;
}

function measureStart(): Start {
  const { user, system } = process.cpuUsage();
  return { seconds: performance.now() / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function searchAndJudge(io: Io, run: Preparation, request: RunRequest): Promise<Outcome> {
  const { instance } = run;
  const { evaluator, engine, found, audit, checkpoints, start } = await searchAsItFits(io, run, request);
  const { result, ...reductions } = found;
  const crossCheckedStates = await runSearch(run, async () => crossCheck(instance, evaluator, request.seed));
  const judgement = judge(instance, result);
  const violated = judgement.properties.flatMap(({ name, violation }) =>
    violation === null ? [] : [{ name, violation }],
  );
  // Properties are declared in the order of their weight.
  const gravest = violated.at(0)?.name;
  violated.sort((a, b) => a.violation.path.instances.length - b.violation.path.instances.length);
  const foundBy = request.found === undefined ? [] : [request.found];
  const findings = violated.map(({ name, violation }): Finding => {
    const counterexample = replayViolation(instance, violation, engine.name);
    const wanted = (name === gravest ? request.traceFile : undefined) ?? defaultTraceFile(run, name, foundBy);
    const file = writeTrace(io, run, counterexample, wanted, {
      engine: engine.name,
      reproduce: request.reproduce(name),
      seed: request.seed,
      reductions: reductions.used.map((report) => report.name),
    });
    const getCause = once(() => findCause(instance, counterexample.replay, name));
    return { ...counterexample, property: name, getCause, file };
  });
  const reproduce = request.reproduce();
  return {
    run,
    result,
    reductions,
    audit,
    judgement,
    findings,
    crossCheckedStates,
    start,
    engine,
    reproduce,
    checkpoints,
  };
}

function checkpointsOf(
  io: Io,
  { modelDigest }: Preparation,
  { every, flags, folder, opened }: CheckpointRequest,
  engine: { readonly engine: string; readonly memory: number },
): FolderCheckpoints {
  const programDigest = opened?.run.programDigest ?? computeProgramDigest();
  const run = { version: readVersion(), programDigest, modelDigest, ...engine, flags };
  const warn = (text: string): void => io.stderr.write(text);
  return new FolderCheckpoints(folder, run, { every: 1000 * every, warn, from: opened?.search ?? null });
}

/** The finding of a property, if it is violated. */
export function findingOf(outcome: Outcome, property: string): Finding | undefined {
  return outcome.findings.find((finding) => finding.property === property);
}
