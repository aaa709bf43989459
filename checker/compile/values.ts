/**
 * What the interpreter knows of a JavaScript value: all of it, or where it will be found when the code runs.
 */
import type { Leaf, Placed } from "../schema/layout.ts";
import type { Setting } from "../model/rule.ts";
import type { FunctionNode } from "./parse.ts";
import type { Scope } from "./scope.ts";
import type { Bank, Expr } from "./ir.ts";

export type Value = Static | Scalar | Place | Made | Closure | Choice | Unknown;

/** A value known while compiling: a constant, an argument, anything captured. Taken to be immutable. */
export interface Static {
  readonly kind: "static";
  readonly value: unknown;
}

/** A number, name, truth value, ...: `values[code]`, or the code itself, a number, where there is no table. */
export interface Scalar {
  readonly kind: "scalar";
  readonly code: Expr;
  readonly values: readonly unknown[] | null;
}

/** A record, array, queue, set or union of the state: option number `at`. */
export interface Place {
  readonly kind: "place";
  readonly bank: Bank;
  readonly options: readonly Spot[];
  readonly at: Expr;
}

/** What a place may be: one of the state, or (an element that is not there) none. */
export type Spot = Placed | Absent;
export interface Absent {
  readonly kind: "absent";
  readonly value: null | undefined;
}

/** An object or array that the recipe made. Its contents are in the environment, for they change. */
export interface Made {
  readonly kind: "made";
  readonly id: number;
  /** Where it is not there, and what the value is instead. */
  readonly missing: { readonly when: Expr; readonly value: null | undefined } | null;
}

/** A function that the recipe made. */
export interface Closure {
  readonly kind: "closure";
  readonly node: FunctionNode;
  readonly scope: Scope;
}

/** Values too unlike to be one: told apart again whenever they are used. */
export interface Choice {
  readonly kind: "choice";
  readonly test: Expr;
  readonly yes: Value;
  readonly no: Value;
}

/** A value that two paths leave in ways that cannot be told in one. Using it is not supported. */
export interface Unknown {
  readonly kind: "unknown";
  readonly reason: string;
}

/** Contents of a made object. */
export type Contents =
  | { readonly kind: "record"; readonly fields: ReadonlyMap<string, Value>; readonly isFrozen: boolean }
  | {
      readonly kind: "list";
      readonly items: readonly Value[];
      readonly length: Value;
      readonly isFrozen: boolean;
    };

/** Stands for a text that was put together from values of the state, and that nobody needs. */
export const someText = Symbol("a text");

export const truthValues: readonly unknown[] = [false, true];

export function fixed(value: unknown): Static {
  return { kind: "static", value };
}

export const nothing = fixed(undefined);

/** What a step of a procedure knows besides the state: as `threads` gives it to the recipes. */
export function siteOf(setting: Setting, self: number): Static {
  return fixed({ self, bounds: setting.bounds, assumes: functionAt(setting, "assumes").value });
}

/** A function of the model, by the name of its property: not to be called but to be interpreted. */
export function functionAt(object: object, name: string): Static {
  return fixed((object as Record<string, unknown>)[name]);
}

/** A scalar; a constant where the code is one. */
export function scalar(code: Expr, values: readonly unknown[] | null): Static | Scalar {
  if (code.kind !== "const") return { kind: "scalar", code, values };
  return fixed(values === null ? code.value : values[code.value]);
}

export function truth(code: Expr): Static | Scalar {
  return scalar(code, truthValues);
}

/** The values that a leaf's codes stand for; null where the code, moved by `low`, is the value. */
export function valuesOf(leaf: Leaf): readonly unknown[] | null {
  switch (leaf.shape.coding) {
    case "number":
      return null;
    case "bool":
      return truthValues;
    case "table":
    case "optional":
      return leaf.shape.values;
  }
}
