import { expect, test } from "vitest";
import { nameInstance } from "../evaluate/reference.ts";
import { defineModel, instantiate } from "../model/model.ts";
import { environmentRule, type RuleBody } from "../model/rule.ts";
import { bool, range, record, type StateOf } from "../schema/fields.ts";
import { type PairedResult, searchPairs } from "./paired.ts";

/** A box that its owner fills while it is closed, and that others see while it is open. */
const state = record({ box: range(0, 2), isOpen: bool(), seen: range(0, 2) });
type State = StateOf<typeof state>;
type Rules = Readonly<Record<string, RuleBody<State, Record<never, never>>>>;

function pairsOf(rules: Rules, maxPairs?: number): PairedResult<State> {
  const model = defineModel<State>({
    name: "box",
    state,
    deadlock: "none",
    rules: [
      environmentRule(
        "fill",
        { value: range(1, 2) },
        {
          when: (s: State) => !s.isOpen,
          then: (s, { value }) => {
            s.box = value;
          },
        },
      ),
      ...Object.entries(rules).map(([name, body]) => environmentRule(name, {}, body)),
    ],
  });
  return searchPairs(
    instantiate(model, { bounds: {} }),
    {
      sentence: "What is in the closed box is its owner's.",
      hidden: () => [{ path: "box", isHidden: (s) => !s.isOpen }],
      secretArguments: ["value"],
    },
    maxPairs === undefined ? {} : { maxPairs },
  );
}

const empty: Rules[string] = {
  when: (s) => !s.isOpen,
  then: (s) => {
    s.box = 0;
    s.isOpen = true;
  },
};
const open: Rules[string] = {
  when: (s) => !s.isOpen,
  then: (s) => {
    s.isOpen = true;
  },
};

test("a box that is emptied before it is opened tells nothing", () => {
  const { ending, interference, different } = pairsOf({ "empty and open": empty });
  expect({ ending, interference }).toEqual({ ending: "exhausted", interference: null });
  expect(different).toBeGreaterThan(0);
});

test("a box that is opened as it is tells what was in it", () => {
  const { ending, interference } = pairsOf({ open });
  expect(ending).toBe("interference");
  expect(interference?.difference).toBe("box is 1 in one run and 2 in the other");
  expect(interference?.path.map(({ step, other }) => [nameInstance(step), nameInstance(other)])).toEqual([
    ["fill(value: 1)", "fill(value: 2)"],
    ["open", "open"],
  ]);
});

test("a step that is possible for some secrets only tells of them", () => {
  const { interference } = pairsOf({
    "close what is light": { when: (s) => s.box === 1, then: () => {} },
  });
  expect(interference?.difference).toMatch(/only one of the runs can take "close what is light"/);
});

test("a step that copies a secret to where it is seen", () => {
  const { interference } = pairsOf({
    peep: {
      then: (s) => {
        s.seen = s.box;
      },
    },
  });
  expect(interference?.difference).toMatch(/^seen is/);
});

test("a limit is no exhausted search", () => {
  expect(pairsOf({ "empty and open": empty }, 1).ending).toBe("limit");
});
