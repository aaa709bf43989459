/**
 * docs/findings.md: what a bounded search finds in each design. The search writes docs/findings.json (the
 * schedules, and what was searched); the page is rendered from it by replaying every schedule.
 */
import { findTarget } from "../../cli/registry.ts";
import { loadDesigns } from "../../cli/designs.ts";
import { prepareRun, type Preparation } from "../../cli/run.ts";
import { createEvaluator, defaultEngine } from "../../cli/engines.ts";
import { argumentsOfViolation, judge } from "../../cli/judge.ts";
import { breadthFirst } from "../../checker/search/breadth-first.ts";
import type { Ending } from "../../checker/search/result.ts";
import type { Shown, TraceArguments } from "../../checker/trace/format.ts";
import { formatChange, formatValue, type PlainValue } from "../../checker/trace/plain.ts";
import { confirmClaim, type Replay, type ReplayedStep, replayTrace } from "../../checker/trace/replay.ts";
import { statesPastViolations } from "../../cli/table.ts";
import { formatBounds, formatCount } from "../../cli/text.ts";
import { machineDesigns } from "../../model/index.ts";
import { nameStep } from "../../checker/trace/taken.ts";
import { findCause } from "../../checker/trace/why/cause.ts";
import { isUseOf } from "../../checker/model/model.ts";
import { cell } from "./origins.ts";

type Claim = Pick<Shown, "kind" | "name" | "args">;
type Taken = readonly [action: string, args: TraceArguments];

export interface Found extends Claim {
  readonly initial: string;
  readonly steps: readonly Taken[];
}

/** One design on one scenario, searched. */
export interface Searched {
  readonly design: string;
  readonly scenario: string;
  readonly size: string;
  readonly ending: Ending;
  readonly states: number;
  readonly depth: number;
  readonly modelDigest: string;
  readonly found: readonly Found[];
}

export interface Findings {
  readonly maxStates: number;
  readonly runs: readonly Searched[];
}

/** What is searched: every design on all of its scenarios, at tiny. */
export function targetsOfFindings(): { readonly design: string; readonly scenario: string }[] {
  return machineDesigns.flatMap(({ name, scenarios }) =>
    scenarios.map((scenario) => ({ design: name, scenario: scenario.name })),
  );
}

function prepare({ design, scenario }: { design: string; scenario: string }): Preparation {
  return prepareRun(loadDesigns(), { design, scenario, size: "tiny" });
}

/** Searches every design; the shortest schedule of each violated property. */
export async function searchFindings(say: (line: string) => void): Promise<Findings> {
  const runs: Searched[] = [];
  for (const target of targetsOfFindings()) {
    const run = prepare(target);
    const { instance } = run;
    const result = await breadthFirst(await createEvaluator(instance, defaultEngine), {
      instances: instance.instances.length,
      witnesses: instance.witnesses.length,
      stopAtViolation: false,
      keepOrigins: true,
      maxStates: statesPastViolations,
    });
    const found = judge(instance, result).properties.flatMap(({ name, violation }): Found[] => {
      if (violation === null) return [];
      const steps = violation.path.instances.map((id): Taken => {
        const { action, args } = instance.instances[id];
        return [action.name, { ...args }];
      });
      const args = argumentsOfViolation(instance, violation);
      const initial = Object.keys(instance.model.initial)[violation.path.initial];
      return [{ kind: violation.kind, name, args, initial, steps }];
    });
    const { ending, states, depth } = result;
    say(`${nameTarget(target)}: ${found.length} properties broken, ${states} states`);
    runs.push({ ...target, size: "tiny", ending, states, depth, modelDigest: run.modelDigest, found });
  }
  return { maxStates: statesPastViolations, runs };
}

/** The file's text: one line for each step, so that a change reads as one. */
export function formatFindings({ maxStates: limit, runs }: Findings): string {
  const told = runs.map(({ found, ...run }) => {
    const list = found.map(({ steps, ...claim }) => {
      const lines = steps.map((taken) => `        ${JSON.stringify(taken)}`);
      return `      {${JSON.stringify(claim).slice(1, -1)}, "steps": [\n${lines.join(",\n")}\n      ]}`;
    });
    const head = JSON.stringify(run).slice(1, -1);
    return `    {${head}, "found": [${list.length === 0 ? "" : `\n${list.join(",\n")}\n    `}]}`;
  });
  return `{\n  "maxStates": ${limit},\n  "runs": [\n${told.join(",\n")}\n  ]\n}\n`;
}

function nameTarget({ design, scenario }: { design: string; scenario: string }): string {
  return `${design} on ${scenario}`;
}

/** Is what was searched what there is to search today? The digest covers state, steps, properties and bounds. */
export function findStale({ runs }: Findings): string[] {
  const known = new Map(runs.map((run) => [nameTarget(run), run.modelDigest]));
  const today = targetsOfFindings().map((target) => {
    return [nameTarget(target), prepare(target).modelDigest] as const;
  });
  const names = new Set(today.map(([name]) => name));
  return [
    ...today.filter(([name, digest]) => known.get(name) !== digest).map(([name]) => name),
    ...[...known.keys()].filter((name) => !names.has(name)),
  ];
}

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
type AnyStep = ReplayedStep<any>;

/** A finding that was replayed, and where its schedule first goes wrong. */
interface Retold {
  readonly run: Searched;
  readonly shown: Shown;
  // oxlint-disable-next-line no-explicit-any
  readonly replay: Replay<any>;
  /** The first step that breaks any property. */
  readonly fatal: AnyStep;
  /** The properties that it breaks. */
  readonly broken: readonly string[];
  /** Where in the declared order of properties, the gravest first, the finding's stands. */
  readonly rank: number;
}

function retell(run: Searched, found: Found): Retold {
  const { instance } = prepare(run);
  const steps = found.steps.map(([action, args], i) => ({ n: i + 1, action, args }));
  const trace = { initial: { name: found.initial }, steps } as unknown as Parameters<typeof replayTrace>[1];
  const replay = replayTrace(instance, trace);
  const shown = confirmClaim(instance, replay, found);
  if (shown === null)
    throw new Error(`${run.design}: the schedule of ${found.name} does not break it any more`);
  const cause = findCause(instance, replay, found.name);
  if (cause === null) throw new Error(`${run.design}: the schedule of ${found.name} has no steps`);
  const order = [...instance.invariants, ...instance.stepProperties].map(({ property }) => property.name);
  const rank = order.indexOf(found.name);
  return {
    run,
    shown,
    replay,
    fatal: cause.step,
    broken: cause.broken,
    rank: rank < 0 ? order.length : rank,
  };
}

function describeCall({ instance }: AnyStep, lane: string): string {
  const own = lane.split(" ")[0].toLowerCase();
  const args = Object.entries(instance.args).filter(([name]) => name !== own);
  const list = args.map(([name, value]) => `${name} ${formatValue(value as PlainValue)}`);
  const { name } = instance.action;
  return list.length === 0 ? name : `${name}${name.includes(" ") ? " " : ""}(${list.join(", ")})`;
}

function describeChanges({ changes }: AnyStep): string {
  // A process's own frame is told by the step itself.
  const seen = changes.filter(({ path }) => !path.startsWith("cpus["));
  return seen.map((change) => formatChange(change)).join("; ");
}

/** The schedule in words: a line for each turn of an actor; the fatal step and the last one stand alone. */
function condense({ replay, fatal }: Retold): string[] {
  const lines: string[] = [];
  let turn: AnyStep[] = [];
  const flush = (): void => {
    if (turn.length > 0) lines.push(describeTurn(turn));
    turn = [];
  };
  for (const step of replay.steps) {
    if (step === fatal || step.n === replay.steps.length) {
      flush();
      lines.push(describeStep(step));
      continue;
    }
    if (turn.length > 0 && turn[0].instance.lane !== step.instance.lane) flush();
    turn.push(step);
  }
  flush();
  return lines.map((line, i) => `${i + 1}. ${line}`);
}

function endOf({ instance, outcome }: AnyStep): string | null {
  if (instance.action.process === undefined) return null;
  return /(returns|refuses|panics).*$/.exec(outcome)?.[0] ?? null;
}

function describeStep(step: AnyStep): string {
  const { lane, action } = step.instance;
  const isWhole = action.process === undefined || action.at === "idle";
  const what = isWhole ? describeCall(step, lane) : nameStep(step);
  const end = endOf(step);
  const changes = describeChanges(step);
  return `**${lane}: ${what}**${end === null ? "" : `, which ${end}`}${changes === "" ? "" : ` (\`${changes}\`)`}`;
}

function describeTurn(turn: readonly AnyStep[]): string {
  const { lane } = turn[0].instance;
  const parts: string[] = [];
  let call: string | null = null;
  turn.forEach((step, i) => {
    const { action } = step.instance;
    if (action.process === undefined) {
      parts.push(describeCall(step, lane));
      return;
    }
    if (action.at === "idle") call = describeCall(step, lane);
    const [name, ...rest] = nameStep(step).split(": ");
    const told: string = call ?? `goes on in ${name}`;
    const end = endOf(step);
    if (end !== null) {
      parts.push(`${told} ${end}`);
      call = null;
    } else if (i === turn.length - 1) {
      parts.push(rest.length === 0 ? told : `${told}, as far as "${rest.join(": ")}"`);
    }
  });
  return `${lane}: ${parts.join("; ")}`;
}

/** The host's powers of which steps of the schedule are a use. */
function powersOf({ run, replay }: Retold): string[] {
  const { model, scope } = prepare(run).instance;
  const taken = replay.steps.map(({ instance }) => instance);
  return Object.keys(model.powers).filter((name) => {
    const { several } = model.powers[name];
    if (several !== undefined) return new Set(taken.flatMap(({ args }) => args[several] ?? [])).size > 1;
    return taken.some((instance) => isUseOf(model, name, instance, scope.bounds));
  });
}

/** The functions of the steps from the turn of the fatal one on. */
function sourcesOf({ replay, fatal }: Retold): string[] {
  let from = fatal.n - 1;
  while (from > 0 && replay.steps[from - 1].instance.lane === fatal.instance.lane) from--;
  const mirrored = replay.steps.slice(from).flatMap(({ instance }) => instance.action.origin.mirrors ?? []);
  return [...new Set(mirrored.flatMap((names) => names.split(/,\s+/)))];
}

function describeAbsence(run: Searched): string {
  return run.ending === "exhausted"
    ? `${run.design} (all ${formatCount(run.states)} states)`
    : `${run.design} (the first ${formatCount(run.states)} states, every one within ${run.depth} steps)`;
}

function renderCause(n: number, all: readonly Retold[], runs: readonly Searched[]): string[] {
  const sorted = all.toSorted((a, b) => a.rank - b.rank || a.replay.steps.length - b.replay.steps.length);
  const [gravest] = sorted;
  const { shown, fatal, run } = gravest;
  const having = new Set(all.map((one) => one.run));
  const rows = runs
    .filter((one) => having.has(one))
    .map((one) => {
      const own = sorted.filter((found) => found.run === one);
      const list = own.map(({ shown: of, replay }) => `${of.name} (${replay.steps.length})`);
      return `| ${one.design} | ${one.scenario} | ${list.join(", ")} |`;
    });
  const absent = runs.filter((one) => one.scenario === run.scenario && !having.has(one));
  return [
    `## ${n}. ${nameStep(fatal)} (${gravest.broken[0]})`,
    "",
    `The gravest of what it leads to: **${shown.name}** in ${run.design}, on ${run.scenario}, after ${gravest.replay.steps.length} steps. "${shown.sentence}" ${cell(shown.explanation)}.`,
    "",
    ...condense(gravest),
    "",
    `Powers of the host that the schedule uses: ${powersOf(gravest).join(", ") || "none; one CPU that makes valid calls"}. (\`dmaspec minimise\` says which of them it needs.)`,
    "",
    `Functions: ${sourcesOf(gravest).join(", ") || "none"}. The first step in bold breaks ${gravest.broken.join(", ")}.`,
    "",
    "| design | scenario | properties whose shortest schedule first goes wrong here (steps) |",
    "|---|---|---|",
    ...rows,
    "",
    `Not found on ${run.scenario}, at the same bounds, in: ${absent.length === 0 ? "-" : absent.map((one) => describeAbsence(one)).join(", ")}.`,
    "",
  ];
}

const explanation = `# Findings

Generated by searches (\`npm run findings\`, minutes; \`npm run docs\` renders the page again from the stored schedules, [findings.json](findings.json)). A test replays every schedule, and fails where the page or the model it speaks of is another one today.

Each schedule is a shortest one: the search is breadth first, in steps of the model, and goes on past violations. It is cut after ${formatCount(statesPastViolations)} states. **What was not found within these bounds is not shown to be absent**: larger bounds, or a state beyond the cut, may have it. A design that is broken early in a run of calls may hide what comes later.

A finding belongs to the step at which its schedule first breaks any property at all: often a lesser property than the one that the schedule was searched for. (What EL2 does wrong by itself, memory-safety and what changes under which lock, counts only for findings of these.) Findings of one such step, and of one property that it breaks, are told together, whatever the design and the scenario, with the schedule of the gravest.

Several are breaches of a discipline that another design keeps, and lead to no reach of a device by themselves: \`pages-change-under-host_mmu.lock\` in pv-android15 is an atomic decrement without the lock, which that version means; \`steps-are-atoms\` in pv-rfc1 is a count that goes up before the page's state is looked at, and down again under the same lock.
`;

function renderRuns(runs: readonly Searched[]): string[] {
  return [
    "| design | scenario | searched | broken properties |",
    "|---|---|---|---|",
    ...runs.map((run) => {
      const searched =
        run.ending === "exhausted"
          ? `all ${formatCount(run.states)} states`
          : `${formatCount(run.states)} states, cut; all within ${run.depth} steps`;
      return `| ${run.design} | ${run.scenario}, ${run.size} | ${searched} | ${run.found.length === 0 ? "none" : run.found.length} |`;
    }),
  ];
}

export function renderFindings({ runs }: Findings): string {
  const retold = runs.flatMap((run) => run.found.map((found) => retell(run, found)));
  const causes = new Map<string, Retold[]>();
  for (const one of retold) {
    const key = `${nameStep(one.fatal)} breaks ${one.broken[0]}`;
    causes.set(key, [...(causes.get(key) ?? []), one]);
  }
  const rankOf = (all: readonly Retold[]): number => Math.min(...all.map(({ rank }) => rank));
  const lengthOf = (all: readonly Retold[]): number => Math.min(...all.map((one) => one.replay.steps.length));
  const ordered = [...causes.values()].sort((a, b) => rankOf(a) - rankOf(b) || lengthOf(a) - lengthOf(b));
  const bounds = [...new Set(runs.map(({ scenario }) => scenario))].map((scenario) => {
    const of = runs.find((run) => run.scenario === scenario) as Searched;
    const { scope } = findTarget(loadDesigns(), { design: of.design, scenario, size: of.size });
    return `- ${scenario}, ${of.size}: ${formatBounds(scope.bounds)}`;
  });
  return [
    explanation,
    ...renderRuns(runs),
    "",
    "Bounds:",
    "",
    ...bounds,
    "",
    ...ordered.flatMap((all, i) => renderCause(i + 1, all, runs)),
  ].join("\n");
}
