import { expect, test } from "vitest";
import { range, record, type StateOf } from "../schema/fields.ts";
import { explore } from "../search/explore.ts";
import { defineModel, instantiate } from "./model.ts";
import { invariant } from "./property.ts";
import { environmentRule } from "./rule.ts";

const state = record({ n: range(0, 3) });
type State = StateOf<typeof state>;

/** By the name of the witness, whether the search reached it. */
async function premisesReached(without: readonly string[] = []): Promise<Record<string, boolean>> {
  const small = (name: string, from: number) =>
    invariant(
      name,
      {},
      { sentence: "n is small.", holds: (s: State) => s.n < 9, premise: (s: State) => s.n >= from },
    );
  const model = defineModel<State>({
    name: "counter",
    state,
    deadlock: "none",
    rules: [
      environmentRule(
        "count",
        {},
        {
          when: (s: State) => s.n < 2,
          then: (s) => {
            s.n++;
          },
        },
      ),
    ],
    invariants: [small("told", 2), small("never told", 3)],
  });
  const of = instantiate(model, { bounds: {}, without });
  const { witnesses } = await explore(of, {});
  return Object.fromEntries(of.witnesses.map(({ id, property }) => [property.name, witnesses[id] !== null]));
}

test("a property that never says anything leaves its premise unreached", async () => {
  expect(await premisesReached()).toEqual({
    "the premise of told": true,
    "the premise of never told": false,
  });
});

test("a property that is left out leaves no premise", async () => {
  expect(await premisesReached(["never told"])).toEqual({ "the premise of told": true });
});
