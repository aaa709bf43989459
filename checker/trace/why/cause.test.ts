import { expect, test } from "vitest";
import { explore } from "../../search/explore.ts";
import { defineModel, instantiate } from "../../model/model.ts";
import { invariant } from "../../model/property.ts";
import { environmentRule } from "../../model/rule.ts";
import { bool, range, record, type StateOf } from "../../schema/fields.ts";
import { replayPath } from "../replay.ts";
import { findCause } from "./cause.ts";

const state = record({ n: range(0, 4), door: bool(), gate: bool() });
type S = StateOf<typeof state>;

const rule = (name: string, when: (s: S) => boolean, then: (s: S) => void) =>
  environmentRule(name, {}, { lane: "host", when: (s: S) => when(s), then: (s: S) => then(s) });
const never = (name: string, bad: (s: S) => boolean, more: { standsAlone?: boolean } = {}) =>
  invariant(name, {}, { sentence: `Never ${name}.`, holds: (s: S) => !bad(s), ...more });

/** To count needs the gate open, to open the gate the door. Whether the door is open is of no consequence by itself. */
const model = defineModel<S>({
  name: "doors",
  state,
  deadlock: "none",
  rules: [
    rule(
      "open the door",
      (s) => !s.door,
      (s) => {
        s.door = true;
      },
    ),
    rule(
      "open the gate",
      (s) => s.door && !s.gate,
      (s) => {
        s.gate = true;
      },
    ),
    rule(
      "count",
      (s) => s.gate && s.n < 4,
      (s) => {
        s.n++;
      },
    ),
  ],
  invariants: [
    never("an open door", (s) => s.door, { standsAlone: true }),
    never("an open gate", (s) => s.gate),
    never("a count of 3", (s) => s.n === 3),
  ],
});

test("findings with one cause name the same step, and a property that stands alone causes no other", async () => {
  const of = instantiate(model, { bounds: {} });
  const { violations } = await explore(of);
  const told = violations.map(({ property, path }) => {
    const { name } = of.invariants[property].property;
    const cause = findCause(of, replayPath(of, path), name);
    return [name, path.instances.length, cause?.step.n, cause?.name, cause?.broken];
  });
  expect(told).toEqual([
    ["an open door", 1, 1, "open the door", ["an open door"]],
    ["an open gate", 2, 2, "open the gate", ["an open gate"]],
    ["a count of 3", 5, 2, "open the gate", ["an open gate"]],
  ]);
});
