import { expect, test } from "vitest";
import { defineModel, environmentRule, range, record, sort, type StateOf } from "../checker/index.ts";
import { computeSaturation } from "./saturation.ts";

const page = sort("page", "a page");
const state = record({ n: range(0, 3) });
type State = StateOf<typeof state>;

test("a step that takes one more page is new behaviour; a scenario that has no room for it says so", async () => {
  const model = defineModel<State>({
    name: "pages",
    state,
    deadlock: "none",
    rules: [
      environmentRule(
        "touch",
        { page },
        {
          then: (s: State, { page: p }) => {
            s.n = p;
          },
        },
      ),
      environmentRule("meet the third page", {}, { when: (s: State) => s.n === 2, then: () => {} }),
    ],
  });
  const design = {
    name: "pages",
    meaning: "",
    claimsToHold: true,
    defaultScenario: "all",
    scenarios: [],
    build: () => model,
  };
  const scope = { bounds: { page: 2 } };
  const [growth] = await computeSaturation(design, scope, 1000, () => false);
  expect(growth).toEqual({
    bound: "page",
    from: 2,
    fresh: ["meet the third page"],
    exhaustive: true,
    states: 3,
    refused: null,
  });

  const [refused] = await computeSaturation(
    design,
    {
      ...scope,
      allows: (_, args) => {
        if (args.page > 1) throw new TypeError("no such page");
        return true;
      },
    },
    1000,
    () => false,
  );
  expect(refused.refused).toBe("the scenario says what each one does");
});
