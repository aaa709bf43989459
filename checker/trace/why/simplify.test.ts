import fc from "fast-check";
import { expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../../examples/dma-core.ts";
import { createReference } from "../../evaluate/reference.ts";
import { instantiate, type Model, witness } from "../../index.ts";
import type { Shown } from "../format.ts";
import { confirmClaim, replayPath } from "../replay.ts";
import { showsAtEnd } from "./slice.ts";
import { countSwitches, dropNoise, elementsIn, reduceSwitches, renameInOrder, sortsOf } from "./simplify.ts";

// The state is known by names only.
// oxlint-disable-next-line no-explicit-any
const model: Model<any> = dmaCore();
const [process] = [...model.threads, ...model.processes];

/** dma-core with a witness for a CPU in a call: what a walk may show at its end. */
const of = instantiate(
  {
    ...model,
    witnesses: [
      witness("anything", {}, { sentence: "Anything goes.", holds: () => true }),
      witness(
        "busy",
        {},
        {
          sentence: "A CPU is in a call.",
          holds: (s: Record<string, Record<string, string>[]>) =>
            s[process.frames].some((frame) => frame[process.control] !== process.idle),
        },
      ),
    ],
  },
  dmaCoreScope("2x2x2"),
);
const reference = createReference(of);

/** A random walk of the model. */
function walkOf(choices: readonly number[]) {
  const instances: number[] = [];
  let now = reference.namedInitialStates()[0].state;
  for (const choice of choices) {
    const enabled = of.instances.filter((instance) => reference.step(now, instance) !== null);
    const chosen = enabled[choice % enabled.length];
    now = reference.step(now, chosen)?.state ?? now;
    instances.push(chosen.id);
  }
  return replayPath(of, { initial: 0, instances });
}

test("law: a simpler schedule still shows the claim, and is in no respect worse", () => {
  let changed = 0;
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 4, maxLength: 14 }), (choices) => {
      const replay = walkOf(choices);
      const shown = confirmClaim(of, replay, { kind: "witness", name: "busy", args: {} });
      if (shown === null) return;
      const quiet = dropNoise(of, replay, shown);
      const fewer = reduceSwitches(of, replay, quiet);
      const named = renameInOrder(of, replay, fewer);
      for (const { instances } of [quiet, fewer, named])
        expect(showsAtEnd(of, replay, instances, shown)).toBe(true);
      expect(quiet.instances.length).toBeLessThanOrEqual(replay.steps.length);
      expect(countSwitches(fewer.instances)).toBeLessThanOrEqual(countSwitches(quiet.instances));
      expect(fewer.instances.length).toBe(quiet.instances.length);
      expect(named.instances.length).toBe(fewer.instances.length);
      if (quiet.instances.length < replay.steps.length) changed++;
      // Renaming what is renamed changes nothing more.
      const again = renameInOrder(of, replay, named).instances;
      expect(again.map(({ id }) => id)).toEqual(named.instances.map(({ id }) => id));
    }),
    { numRuns: 60 },
  );
  expect(changed).toBeGreaterThan(5);
});

test("elements are numbered in the order of their first use, where that is allowed", () => {
  const replay = walkOf([0]);
  const shown: Shown = { kind: "witness", name: "anything", args: {}, sentence: "", explanation: "" };
  const second = sortsOf(of).flatMap((sort) => {
    const found = of.instances.find(
      (instance) =>
        elementsIn(sort, instance).includes(1) && reference.step(replay.initial, instance) !== null,
    );
    return found === undefined ? [] : [{ sort, instance: found }];
  });
  expect(second.length).toBeGreaterThan(0);
  for (const { sort, instance } of second) {
    const { instances } = renameInOrder(of, replay, { instances: [instance], shown });
    expect(instances).toHaveLength(1);
    expect(elementsIn(sort, instances[0])[0]).toBe(0);
  }
});
