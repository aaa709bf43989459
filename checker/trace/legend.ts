/** What the words in a printed schedule mean: the declared meanings of the arguments and places in it, no others. */
import type { Instance } from "../model/model.ts";
import type { Action } from "../model/rule.ts";
import type { Field } from "../schema/fields.ts";
import { keysOf } from "./places.ts";

export interface Word {
  readonly word: string;
  readonly meaning: string;
}

/** What is printed of a step: its action, and the places that it changed. */
interface Printed<S> {
  readonly action: Action<S>;
  readonly places: readonly string[];
}

/** The words of these steps, each once, in the order in which they come. */
export function findWords<S>(of: Instance<S>, steps: readonly Printed<S>[]): Word[] {
  const words = new Map<string, string>();
  const add = (word: string, meaning: string): void => {
    if (meaning !== "" && !words.has(word)) words.set(word, meaning);
  };
  for (const { action, places } of steps) {
    for (const [name, { meaning }] of Object.entries(action.params))
      if (name !== action.process) add(name, meaning);
    for (const place of places) {
      const found = findWord(of, place);
      if (found !== null) add(found.word, found.meaning);
    }
  }
  return [...words].map(([word, meaning]) => ({ word, meaning }));
}

/** The innermost field on the way to a place whose meaning is declared. */
function findWord<S>(of: Instance<S>, path: string): Word | null {
  const { state, threads } = of.model;
  let field: Field<unknown> | undefined = state;
  let found: Word | null = null;
  for (const key of keysOf(path)) {
    const inner: Field<unknown> | undefined = /^\d+$/.test(key)
      ? elementOf(field)
      : (fieldOf(field, key) ?? threads.find(({ frames }) => frames === key)?.frame);
    if (inner === undefined) return found;
    // A frame stands where the state would have an array of frames.
    if (!/^\d+$/.test(key) && inner.meaning !== "") found = { word: key, meaning: inner.meaning };
    field = inner;
  }
  return found;
}

function fieldOf(field: Field<unknown> | undefined, name: string): Field<unknown> | undefined {
  return field?.spec.kind === "record" ? field.spec.fields[name] : undefined;
}

function elementOf(field: Field<unknown> | undefined): Field<unknown> | undefined {
  const spec = field?.spec;
  return spec?.kind === "array" || spec?.kind === "queue" ? spec.of : field;
}
