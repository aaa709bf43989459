/** The action that a text names, `name(arg: value, ...)`, as schedules are printed and traces are written. */
import { getNearestName } from "../checker/errors.ts";
import { createReference } from "../checker/evaluate/reference.ts";
import type { ActionInstance } from "../checker/model/model.ts";
import { actsOf, programOf } from "../checker/model/threads.ts";
import { formatValue } from "../checker/trace/plain.ts";
import { describeNamed } from "../checker/trace/print.ts";
import { nameStep } from "../checker/trace/taken.ts";
import { usageError } from "./exit-codes.ts";
import type { AnyInstance } from "./run.ts";

type AnyAction = ActionInstance<unknown>;

/** Examples in an error, at most. */
const listed = 3;

/**
 * The action that is meant; arguments that decide nothing may be left out, and so may those that an action lacks
 * which can be taken in the state, where another cannot. A step may be named after what ran, as it is printed, or
 * after its point, as the trace file has it. Throws a usage error with actions that can be taken there.
 */
export function findAction(
  of: AnyInstance,
  state: unknown,
  text: string,
): { readonly instance: AnyAction; readonly name: string } {
  const { name, given } = parseAction(of, text);
  const named = of.instances.filter((instance) => namesOf(instance).includes(name));
  if (named.length === 0) throw failToFind(of, state, name);
  for (const { arg } of given) requireArgument(named, name, arg);
  const found = named.filter(({ args }) =>
    given.every(({ arg, value }) => !(arg in args) || formatValue(args[arg]) === value),
  );
  if (found.length === 1) return { instance: found[0], name };
  if (found.length === 0) {
    const which = `${name}(${given.map(({ arg, value }) => `${arg}: ${value}`).join(", ")})`;
    throw usageError(`the scenario has no ${which}`, `it has ${list(of, state, named)}`);
  }
  const reference = createReference(of);
  const here = found.filter((instance) => instance.isAtLabel(state));
  if (here.length === 1) return { instance: here[0], name };
  const [only, ...others] = here.filter((instance) => reference.step(state, instance) !== null);
  if (only !== undefined && others.length === 0) return { instance: only, name };
  throw usageError(
    `"${text}" may be any of ${found.length} actions`,
    `give one like ${list(of, state, here.length > 0 ? here : found)}`,
  );
}

/** Actions that can be taken in a state, calls and what goes on in them first. */
export function listEnabled(of: AnyInstance, state: unknown): AnyAction[] {
  const reference = createReference(of);
  const enabled = of.instances.filter((instance) => reference.step(state, instance) !== null);
  return enabled.toSorted(
    (a, b) => Number(b.action.process !== undefined) - Number(a.action.process !== undefined),
  );
}

function parseAction(
  of: AnyInstance,
  text: string,
): { readonly name: string; readonly given: readonly { readonly arg: string; readonly value: string }[] } {
  const [, before, inside] = /^(.*?)\s*\(([^()]*)\)$/s.exec(text.trim()) ?? [];
  if (before === undefined || of.actions.some(({ name }) => name === text)) return { name: text, given: [] };
  const given = inside.split(",").flatMap((part) => {
    const [arg, ...value] = part.split(":");
    return part.trim() === "" ? [] : [{ arg: arg.trim(), value: value.join(":").trim() }];
  });
  return { name: before, given };
}

/** The name of the action, and those of the steps that its point can come to. */
function namesOf({ action }: AnyAction): string[] {
  const program = programOf(action);
  if (program?.kind !== "point") return [action.name];
  const call = program.procedure.name;
  return [action.name, ...actsOf(program.point.tree).map(({ name }) => `${call}: ${name}`)];
}

function requireArgument(named: readonly AnyAction[], name: string, arg: string): void {
  const known = Object.keys(named[0].args);
  if (known.includes(arg)) return;
  const near = getNearestName(arg, known);
  const remedy = near === undefined ? "" : `did you mean "${near}"? `;
  throw usageError(`there is no argument of ${name} "${arg}"`, `${remedy}It has: ${known.join(", ")}`);
}

function failToFind(of: AnyInstance, state: unknown, name: string): Error {
  const isKnown = of.actions.some((action) => action.name === name);
  const names = [...new Set(of.instances.flatMap((instance) => namesOf(instance)))];
  const near = getNearestName(name, names) ?? names.find((each) => each.includes(name));
  const what = isKnown
    ? `the scenario allows no ${name}: nobody makes this call in it, whatever the state`
    : `there is no action "${name}"`;
  const hint = near === undefined ? "" : `did you mean "${near}"? `;
  return usageError(
    what,
    `${hint}What can be taken here is, for example, ${list(of, state, listEnabled(of, state))}`,
  );
}

function list(of: AnyInstance, state: unknown, instances: readonly AnyAction[]): string {
  if (instances.length === 0) return "nothing";
  const shown = instances.slice(0, listed).map((instance) => `'${nameIn(of, state, instance)}'`);
  return shown.join(", ");
}

/** An action with its arguments, called after what it would do in a state, where it can be taken. */
export function nameIn(of: AnyInstance, state: unknown, instance: AnyAction): string {
  const outcome = createReference(of).step(state, instance)?.outcome ?? "";
  return describeNamed(nameStep({ instance, outcome }), instance.args);
}
