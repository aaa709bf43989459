/**
 * Names: what the recipe declared, and what it captured.
 */
import type { Captured } from "./closures.ts";

/** One declared variable. A new one for each execution of its declaration; its value is in the environment. */
export interface Binding {
  readonly name: string;
}

export class Scope {
  private readonly names = new Map<string, Binding>();
  private readonly parent: Scope | null;
  /** For the outermost scope of a function that exists at run time: what it captured. Asked for at need. */
  private readonly captured: () => Captured;

  constructor(parent: Scope | null, captured: () => Captured = () => []) {
    this.parent = parent;
    this.captured = captured;
  }

  declare(name: string): Binding {
    const binding = { name };
    this.names.set(name, binding);
    return binding;
  }

  /** The variable of this name, a captured one as its value, or null where there is none. */
  find(name: string): Binding | { readonly value: unknown } | null {
    const own = this.names.get(name);
    if (own !== undefined) return own;
    for (const object of this.captured()) {
      if (Object.hasOwn(object, name)) return { value: (object as Record<string, unknown>)[name] };
    }
    return this.parent?.find(name) ?? null;
  }
}
