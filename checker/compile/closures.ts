/**
 * What a function has captured.
 *
 * A recipe is a closure: its text names constants, helpers and sorts that only the engine of the language can
 * look up. Node's inspector shows them to a debugger, in the same process and synchronously; that is all that
 * it is used for here. Where there is no inspector (a browser), there is no compiling, and everything falls
 * back to the packed evaluator.
 */
import type { Session } from "node:inspector";

/** The scopes that a function captured, innermost first: objects with the captured variables as properties. */
export type Captured = readonly object[];

export interface ClosureReader {
  /** Reads what these functions captured, all at once, which costs less than one by one. */
  prepare(functions: readonly Function[]): void;
  /** The captured scopes of a function. Read once; what they hold is taken to be constant. */
  scopesOf(fn: Function): Captured;
  close(): void;
}

/** Where values are handed over between this file and what the inspector runs: it runs in the global scope. */
const exchange = "__checkerClosures";

/** A scope with more variables is no function's but a module's, most of whose functions nobody asks for. */
const fewVariables = 10;

interface Exchange {
  asked: readonly Function[];
  answer: readonly ScopeList[];
}

/** What the inspector calls [[Scopes]]. */
type ScopeList = ArrayLike<{ readonly description: string; readonly object: object }>;

/** A reader of closures, or null where the platform has no inspector. */
export function openClosures(): ClosureReader | null {
  const inspector = findInspector();
  if (inspector === null) return null;
  try {
    const session = new inspector.Session();
    session.connect();
    return new InspectorReader(session);
  } catch {
    // Node can be built without one.
    return null;
  }
}

function findInspector(): typeof import("node:inspector") | null {
  // Not an import: the web page loads this file too.
  const host = (globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }).process;
  try {
    return (host?.getBuiltinModule?.("node:inspector") ?? null) as typeof import("node:inspector") | null;
  } catch {
    return null;
  }
}

/** Of all readers: the recipes of one model are mostly those of the next, and asking costs a third of compiling. */
const known = new WeakMap<Function, Captured>();

class InspectorReader implements ClosureReader {
  private readonly session: Session;
  private readonly exchange: Exchange = { asked: [], answer: [] };

  constructor(session: Session) {
    this.session = session;
    Object.defineProperty(globalThis, exchange, { value: this.exchange, configurable: true });
  }

  prepare(functions: readonly Function[]): void {
    let next = functions;
    while (next.length > 0) {
      const found = this.read([...new Set(next)].filter((fn) => !known.has(fn)));
      // Functions handed to a function are mostly handed on: they are wanted next.
      next = found
        .map((scope) => Object.values(scope))
        .filter(({ length }) => length <= fewVariables)
        .flatMap((values) => values.filter((value) => typeof value === "function"));
    }
  }

  scopesOf(fn: Function): Captured {
    if (!known.has(fn)) this.read([fn]);
    return known.get(fn) ?? [];
  }

  close(): void {
    this.session.disconnect();
    Reflect.deleteProperty(globalThis, exchange);
  }

  /** Reads functions not known yet; returns the scopes of functions that they captured (not those of modules). */
  private read(functions: readonly Function[]): object[] {
    if (functions.length === 0) return [];
    this.exchange.asked = functions;
    const list = this.post("Runtime.evaluate", { expression: `globalThis.${exchange}.asked` }) as {
      result: { objectId: string };
    };
    const { objectId } = list.result;
    const ids = this.propertiesOf(objectId).result.filter(({ name }) => /^\d+$/.test(name));
    const scopes = ids.map(({ value }) => {
      const { internalProperties = [] } = this.propertiesOf(value?.objectId ?? "");
      return internalProperties.find(({ name }) => name === "[[Scopes]]")?.value?.objectId;
    });
    this.post("Runtime.callFunctionOn", {
      objectId,
      functionDeclaration: `function (...all) { globalThis.${exchange}.answer = all; }`,
      arguments: scopes.map((id) => (id === undefined ? { value: [] } : { objectId: id })),
    });
    this.post("Runtime.releaseObject", { objectId });
    const captured = this.exchange.answer.map((all) =>
      Array.from(all).filter((one) => one.description !== "Global"),
    );
    functions.forEach((fn, i) =>
      known.set(
        fn,
        captured[i].map(({ object }) => object),
      ),
    );
    return captured.flat().flatMap(({ description, object }) => (description === "Module" ? [] : [object]));
  }

  private propertiesOf(objectId: string): Properties {
    return this.post("Runtime.getProperties", { objectId, ownProperties: true }) as Properties;
  }

  /** In a session with one's own process, the answer is there when `post` returns. */
  private post(method: string, params: object): unknown {
    let failure: Error | null = null;
    let answer: unknown;
    this.session.post(method, params, (error, result) => {
      failure = error;
      answer = result;
    });
    if (failure !== null) throw new Error(`the inspector refuses ${method}: ${(failure as Error).message}`);
    return answer;
  }
}

interface Properties {
  readonly result: readonly { readonly name: string; readonly value?: { readonly objectId?: string } }[];
  readonly internalProperties?: readonly {
    readonly name: string;
    readonly value?: { readonly objectId?: string };
  }[];
}
