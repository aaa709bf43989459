/**
 * The modelling kit and the engine: everything public. Knows nothing of pKVM; see README.md beside this
 * file for a complete model in forty lines.
 */
export { getNearestName, ModelError, type ModelErrorCode, modelErrors } from "./errors.ts";
export * from "./schema/fields.ts";
export type { Bounds } from "./schema/shape.ts";
export {
  acquire,
  check,
  choose,
  type Do,
  type Exit,
  type FrameOf,
  jump,
  label,
  leave,
  type Lock,
  locked,
  mapNodes,
  type Node,
  panic,
  type Procedure,
  procedure,
  refuse,
  release,
  repeat,
  returns,
  type Site,
  step,
  valid,
  wait,
  when,
} from "./model/procedure.ts";
export {
  type Action,
  type AnyArgs,
  environmentRule,
  type Origin,
  type Process,
  processRule,
  type RuleBody,
  type Setting,
} from "./model/rule.ts";
export {
  type Invariant,
  invariant,
  type Secrecy,
  type StepProperty,
  stepProperty,
  type TakenStep,
  type Witness,
  witness,
} from "./model/property.ts";
export { idleLabel, lockState, type Threads, threads } from "./model/threads.ts";
export {
  type ActionInstance,
  deadlockProperty,
  type DeadlockRule,
  defineModel,
  type Instance,
  instantiate,
  isUseOf,
  type Model,
  type Power,
  powersIn,
  type Scope,
} from "./model/model.ts";
export type { Deadlock, Evaluator } from "./evaluate/evaluator.ts";
export { createPacked } from "./evaluate/packed.ts";
export { createReference, nameInstance, type Reference, type ReferenceStep } from "./evaluate/reference.ts";
export type { Path, Progress, SearchOptions, SearchResult, Violation } from "./search/result.ts";
export type { Design, Scenario } from "./model/design.ts";
export { requirePureRecipes } from "./evaluate/self-check.ts";
export {
  addArgs,
  addLocals,
  dropCheck,
  dropLocals,
  dropStep,
  edit,
  enclosed,
  insertAfter,
  insertBefore,
  mirrors,
  replaceCheck,
  replaceStep,
  retold,
  swapSteps,
  unlocked,
  type Edit,
} from "./model/edit.ts";
export { breadthFirst } from "./search/breadth-first.ts";
export { simulate } from "./search/simulate.ts";
export { explore } from "./search/explore.ts";
export { endOf } from "./trace/taken.ts";
