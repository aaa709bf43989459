/**
 * An eager TLB says what the lazy one says: both reach the same states, the TLB apart, and in each the lazy TLB holds
 * every choice from what the eager one may hold, and nothing else. So it is for models that are broken.
 */
import { describe, expect, test } from "vitest";
import { createCompiled } from "../compile/compiled.ts";
import { type Evaluator, Successors } from "../evaluate/evaluator.ts";
import { type Action, type Instance, instantiate, type Model, processRule } from "../index.ts";
import { searchAll } from "../reduce/verdicts.ts";
import { decode } from "../schema/layout.ts";
import { violatedLengths } from "../testing/violated-lengths.ts";
import { cpu, cpus, type DmaCoreState, dmaCore, dmaCoreScope } from "./dma-core.ts";
import { dmaCoreEager } from "./dma-core-eager.ts";

type Label = DmaCoreState["cpus"][number]["pc"];

/** dma-core with another rule at a label. */
function broken(label: Label, then: (s: DmaCoreState, self: number) => void): Model<DmaCoreState> {
  const model = dmaCore();
  const rule: Action<DmaCoreState> = processRule(
    cpus,
    cpu,
    label,
    label,
    {},
    {
      then: (s: DmaCoreState, args: { readonly cpu: number }) => then(s, args.cpu),
    },
  );
  return { ...model, rules: model.rules.map((each) => (each.name === label ? rule : each)) };
}

/** What is broken, and which property notices. */
const models: readonly (readonly [string, Model<DmaCoreState>])[] = [
  ["as it is", dmaCore()],
  ["unmap does not wait for the invalidation", broken("U4", (s, k) => void (s.cpus[k].pc = "U5"))],
  ["unmap invalidates nothing", broken("U3", (s, k) => void (s.cpus[k].pc = "U5"))],
  [
    "donate does not look at the count",
    broken("D2", (s, k) => {
      if (s.pages[s.cpus[k].lp].own === "HOST") s.pages[s.cpus[k].lp].own = "GUEST";
      s.cpus[k].pc = "D3";
    }),
  ],
];

/** A state as plain values, as far as the test looks into it. */
interface Plain {
  readonly iovas: readonly {
    readonly pte: number | null;
    readonly tlb?: number | null;
    readonly cached?: Iterable<number>;
    readonly queued: boolean;
  }[];
}

/** Every reachable state, as plain values. */
function* statesOf<S>(of: Instance<S>, evaluator: Evaluator): Generator<Plain> {
  const seen = new Map(evaluator.initialStates().map((state) => [state.join(), state]));
  const out = new Successors(evaluator.words);
  for (const state of seen.values()) {
    yield decode(of.layout, state) as Plain;
    out.clear();
    evaluator.expand(state, 0, out);
    for (let i = 0; i < out.count; i++) {
      const next = out.words.slice(i * evaluator.words, (i + 1) * evaluator.words);
      const key = next.join();
      if (!seen.has(key)) seen.set(key, next);
    }
  }
}

/** By what a state holds apart from the TLB: what the TLB holds, of every iova. */
function byRest<S>(of: Instance<S>, choicesOf: (state: Plain) => unknown[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const state of statesOf(of, createCompiled(of))) {
    const rest = { ...state, iovas: state.iovas.map(({ pte, queued }) => ({ pte, queued })) };
    const key = JSON.stringify(rest);
    const here = found.get(key) ?? new Set<string>();
    for (const choice of choicesOf(state)) here.add(JSON.stringify(choice));
    found.set(key, here);
  }
  return found;
}

function choices(sets: readonly (readonly number[])[]): (number | null)[][] {
  return sets.reduce<(number | null)[][]>(
    (all, set) => all.flatMap((before) => [null, ...set].map((page) => [...before, page])),
    [[]],
  );
}

async function violatedIn<S>(model: Model<S>) {
  const of = instantiate(model, dmaCoreScope("2x2x2"));
  const found = await searchAll(of, createCompiled(of));
  return { states: found.states, violated: [...violatedLengths(of, found).keys()].sort() };
}

describe.each(models)("%s", (name, model) => {
  // Two iovas and two CPUs at once where there are fewest states.
  const sizes = ["2x1x2", "2x2x1", ...(name === "as it is" ? ["2x2x2"] : [])];

  test.each(sizes)("the TLB of %s may hold the same", (size) => {
    const lazy = instantiate(model, dmaCoreScope(size));
    const eager = instantiate(dmaCoreEager(model), dmaCoreScope(size));
    const ofLazy = byRest(lazy, ({ iovas }) => [iovas.map(({ tlb }) => tlb)]);
    const ofEager = byRest(eager, ({ iovas }) => choices(iovas.map(({ cached }) => [...(cached ?? [])])));
    expect(ofEager.size).toBe(ofLazy.size);
    const differing = [...ofLazy].filter(([rest, tlb]) => {
      const found = ofEager.get(rest) ?? new Set();
      return tlb.size !== found.size || [...tlb].some((each) => !found.has(each));
    });
    expect(differing).toEqual([]);
  });

  test("the same properties are violated", async () => {
    const [lazy, eager] = [await violatedIn(model), await violatedIn(dmaCoreEager(model))];
    expect(eager.violated).toEqual(lazy.violated);
    expect(eager.violated.length > 0).toBe(name !== "as it is");
    expect(eager.states).toBeLessThan(lazy.states);
  });
});
