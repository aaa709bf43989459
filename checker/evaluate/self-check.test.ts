import { expect, test } from "vitest";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import {
  createPacked,
  defineModel,
  environmentRule,
  instantiate,
  invariant,
  range,
  record,
  type StateOf,
} from "../index.ts";
import { requirePureRecipes } from "./self-check.ts";

const state = record({ n: range(0, 3) });
type State = StateOf<typeof state>;

function check(then: (s: State) => void, holds: (s: State) => boolean = () => true): void {
  const model = defineModel<State>({
    name: "m",
    state,
    rules: [environmentRule("go", {}, { then })],
    invariants: [invariant("fine", {}, { sentence: "It is fine.", holds })],
  });
  const of = instantiate(model, { bounds: {} });
  requirePureRecipes(of, createPacked(of));
}

test("a recipe that counts for itself is found, by name", () => {
  let calls = 0;
  const count = (s: State) => {
    s.n = calls++ % 4;
  };
  expect(() => check(count)).toThrow(/\[M03\] go gave two results.*remedy/s);
});

test("randomness is found", () => {
  const random = (s: State) => {
    s.n = Math.floor(Math.random() * 4);
  };
  expect(() => check(random)).toThrow("[M03]");
});

test("an impure property is found", () => {
  let asked = 0;
  expect(() =>
    check(
      (s) => void (s.n = (s.n + 1) % 4),
      () => asked++ % 3 !== 0,
    ),
  ).toThrow(/\[M03\] a property/);
});

test("a pure model passes", () => {
  const of = instantiate(dmaCore(), dmaCoreScope("3x2x2"));
  expect(() => requirePureRecipes(of, createPacked(of))).not.toThrow();
});
