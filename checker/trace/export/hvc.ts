/**
 * The schedule as a script in C for a test proxy: a function for each lane, with the hypercalls as the host makes
 * them, and the points at which each is paused while others run. What a proxy has to offer is declared at the top;
 * on real hardware, a point is where EL2 is held (a breakpoint, a stalled CPU), and what the SMMU and the devices
 * do is to be provoked.
 */
import { statusOf } from "../lanes.ts";
import { formatChange, formatValue } from "../plain.ts";
import { describeStep, nameClaim, visibleChanges } from "../print.ts";
import type { ReplayedStep } from "../replay.ts";
import { findTaken, tellFunctions } from "../taken.ts";
import { describeEndOf, type Exported, lanesOf } from "./exported.ts";

/** Steps of one lane that nobody else's come between. */
interface Turn<S> {
  readonly number: number;
  readonly lane: string;
  readonly steps: readonly ReplayedStep<S>[];
}

export function exportHvc<S>(exported: Exported<S>): string {
  const { trace, replay, shown } = exported;
  const turns = turnsOf(replay.steps);
  const lanes = lanesOf(exported);
  return [
    "/*",
    ...comment(`${nameClaim(shown)} ${describeEndOf(exported)} in ${trace.design}.`),
    ...comment(shown.sentence),
    ...comment(shown.explanation),
    " *",
    ...comment(`Found by: ${trace.reproduce}`),
    " */",
    ...preludeOf(exported),
    ...lanes.flatMap((lane) => functionOf(exported, lane, turns)),
    "",
    "const struct thread threads[] = {",
    ...lanes.map((lane) => `\t{ ${quote(lane)}, ${identifierOf(lane)} },`),
    "};",
    "",
  ].join("\n");
}

function turnsOf<S>(steps: readonly ReplayedStep<S>[]): Turn<S>[] {
  const turns: { number: number; lane: string; steps: ReplayedStep<S>[] }[] = [];
  for (const step of steps) {
    const last = turns.at(-1);
    if (last?.lane === step.instance.lane) last.steps.push(step);
    else turns.push({ number: turns.length, lane: step.instance.lane, steps: [step] });
  }
  return turns;
}

/** What the script needs of its proxy. */
function preludeOf<S>({ replay }: Exported<S>): string[] {
  const values = new Map<string, unknown[]>();
  for (const { instance } of replay.steps)
    for (const [name, value] of Object.entries(instance.args))
      values.set(identifierOf(name), [...(values.get(identifierOf(name)) ?? []), value]);
  const fields = [...values].map(([name, all]) =>
    isNumeric(all) ? `\tlong ${name};` : `\tconst char *${name};`,
  );
  return [
    "",
    "/* The arguments of calls, and of what devices do, by name. A text stands for a class of values. */",
    "struct args {",
    ...(fields.length > 0 ? fields : ["\tlong none;"]),
    "};",
    "struct thread {",
    "\tconst char *name;",
    "\tvoid (*run)(void);",
    "};",
    "",
    "/* What the proxy offers. */",
    "void turn(int n);                                     /* waits until turns 0 .. n-1 are over */",
    "void pass(int n);                                     /* turn n is over */",
    "void hvc_until(const char *call, struct args a, const char *point); /* calls, and is held at this point */",
    "void hvc(const char *call, struct args a, const char *result);      /* calls, and expects this result */",
    "void resume_until(const char *point);                 /* goes on, and is held at this point */",
    "void resume(const char *result);                      /* goes on to the end of the call */",
    "void provoke(const char *event, struct args a);       /* brings the SMMU or a device to do this */",
  ];
}

function isNumeric(values: readonly unknown[]): boolean {
  return values.every((value) => typeof value === "number" || typeof value === "boolean");
}

function functionOf<S>(exported: Exported<S>, lane: string, turns: readonly Turn<S>[]): string[] {
  const body = turns.filter((turn) => turn.lane === lane).flatMap((turn) => bodyOf(exported, turn));
  return ["", `static void ${identifierOf(lane)}(void)`, "{", ...body, "}"];
}

function bodyOf<S>(exported: Exported<S>, { number, lane, steps }: Turn<S>): string[] {
  const { of } = exported;
  const isProcess = statusOf(of, steps[0].before).some((status) => status.lane === lane);
  const lines = isProcess ? callsOf(exported, lane, steps) : steps.flatMap((step) => eventOf(exported, step));
  return [`\tturn(${number});`, ...lines, `\tpass(${number});`];
}

function eventOf<S>(exported: Exported<S>, step: ReplayedStep<S>): string[] {
  return [
    `\tprovoke(${quote(step.instance.action.name)}, ${argsOf(exported, step)});`,
    ...effectsOf(exported, [step]),
  ];
}

/** The steps of a process as calls: one statement for each call, or part of a call, within the turn. */
function callsOf<S>(exported: Exported<S>, lane: string, steps: readonly ReplayedStep<S>[]): string[] {
  const { of } = exported;
  const lines: string[] = [];
  const statusIn = (state: S) => statusOf(of, state).find((status) => status.lane === lane);
  let part: ReplayedStep<S>[] = [];
  for (const [i, step] of steps.entries()) {
    part.push(step);
    const now = statusIn(step.after);
    const isOver = now === undefined || now.label === null;
    if (!isOver && i < steps.length - 1) continue;
    const [first] = part;
    const begins = (statusIn(first.before)?.label ?? null) === null;
    const { mirrors } = findTaken(of, step.before, step.instance).origin;
    const where = mirrors === undefined ? "" : ` in ${mirrors}`;
    const held = now !== undefined && now.locks.length > 0 ? `, holding ${now.locks.join(", ")}` : "";
    const point = quote(now?.label ?? "");
    const result = quote(step.outcome.split("; ").at(-1) ?? "");
    const call = `${quote(first.instance.action.name)}, ${argsOf(exported, first)}`;
    const span = first.n === step.n ? `step ${step.n}` : `steps ${first.n} to ${step.n}`;
    lines.push(
      `\t/* ${span}${isOver ? "" : `; then paused${where}${held}`} */`,
      isOver
        ? begins
          ? `\thvc(${call}, ${result});`
          : `\tresume(${result});`
        : begins
          ? `\thvc_until(${call}, ${point});`
          : `\tresume_until(${point});`,
      ...effectsOf(exported, part),
    );
    part = [];
  }
  return lines;
}

/** What the essential ones of the steps did, a line each, and below it the function that it mirrors. */
function effectsOf<S>({ of, reasons }: Exported<S>, steps: readonly ReplayedStep<S>[]): string[] {
  const essential = steps.filter(({ n }) => reasons[n - 1].role === "essential");
  const functions = tellFunctions(of, essential);
  return essential.flatMap((step, i) => {
    const changes = visibleChanges(of, step).map((change) => formatChange(change));
    const mirrors = functions[i];
    const told = `${step.n}. ${describeStep(of, step)}${changes.length === 0 ? "" : `: ${changes.join("; ")}`}`;
    return [`\t/*   ${plain(told)} */`, ...(mirrors === null ? [] : [`\t/*     (${plain(mirrors)}) */`])];
  });
}

function argsOf<S>({ replay }: Exported<S>, { instance }: ReplayedStep<S>): string {
  const fields = Object.entries(instance.args).map(([name, value]) => {
    const all = replay.steps.flatMap((step) => {
      const args = Object.entries(step.instance.args);
      return args
        .filter(([other]) => identifierOf(other) === identifierOf(name))
        .map(([, each]) => each as unknown);
    });
    return `.${identifierOf(name)} = ${isNumeric(all) ? Number(value) : quote(formatValue(value))}`;
  });
  return fields.length === 0 ? "(struct args){ 0 }" : `(struct args){ ${fields.join(", ")} }`;
}

const keywords = new Set([
  "int",
  "long",
  "for",
  "if",
  "do",
  "auto",
  "register",
  "default",
  "case",
  "struct",
  "void",
]);

function identifierOf(name: string): string {
  const made = name.replaceAll(/\W+/g, "_").replace(/^(\d)/, "_$1");
  return keywords.has(made) ? `${made}_` : made;
}

function quote(text: string): string {
  return `"${plain(text).replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** A text that neither ends a comment nor spans lines. */
function plain(text: string): string {
  return text.replaceAll("*/", "* /").replaceAll("\n", "; ");
}

function comment(text: string): string[] {
  return text === "" ? [] : text.split("\n").map((line) => ` * ${line.replaceAll("*/", "* /")}`);
}
