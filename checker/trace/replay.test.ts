import { describe, expect, test } from "vitest";
import { breadthFirst } from "../search/breadth-first.ts";
import { createPacked } from "../evaluate/packed.ts";
import { philosophers, philosophersScope } from "../examples/philosophers.ts";
import { deadlockProperty, instantiate } from "../model/model.ts";
import { computeModelDigest } from "../model/digest.ts";
import { parseTrace } from "./format.ts";
import { recordTrace } from "./record.ts";
import { confirmClaim, ReplayMismatch, replayPath, replayTrace } from "./replay.ts";

const instance = instantiate(philosophers(false), philosophersScope(3));
const claim = { kind: "deadlock", name: deadlockProperty, args: {} } as const;

async function findDeadlock() {
  const { violations } = await breadthFirst(createPacked(instance), {
    instances: instance.instances.length,
    witnesses: instance.witnesses.length,
    stopAtViolation: true,
  });
  return violations[0].path;
}

describe("a deadlock", () => {
  test("is confirmed at the end of its schedule, and told by who waits for whom", async () => {
    const replay = replayPath(instance, await findDeadlock());
    const shown = confirmClaim(instance, replay, claim);
    expect(replay.steps).toHaveLength(6);
    expect(shown?.explanation.split("\n")).toHaveLength(3);
    expect(shown?.explanation).toContain("held by philosopher");
  });

  test("is not confirmed a step earlier", async () => {
    const path = await findDeadlock();
    const replay = replayPath(instance, { ...path, instances: path.instances.slice(0, -1) });
    expect(confirmClaim(instance, replay, claim)).toBeNull();
  });

  test("survives the way through a file", async () => {
    const replay = replayPath(instance, await findDeadlock());
    const shown = confirmClaim(instance, replay, claim);
    if (shown === null) throw new Error("the deadlock is not confirmed");
    const identity = {
      design: "d",
      scenario: "s",
      size: "tiny",
      engine: "packed",
      reductions: [],
      reproduce: "",
    };
    const modelDigest = computeModelDigest(instance);
    const text = JSON.stringify(recordTrace(instance, { ...identity, modelDigest }, replay, shown));
    const again = replayTrace(instance, parseTrace(text, "file"));
    expect(again.final).toEqual(replay.final);
    expect(again.steps.map(({ changes }) => changes)).toEqual(replay.steps.map(({ changes }) => changes));
  });
});

test("a step that waits for a lock is refused with who holds it", async () => {
  const path = await findDeadlock();
  const next = instance.instances.find(
    ({ action, args }) => action.name === "dine: acquire right fork" && args.philosopher === 0,
  );
  const instances = [...path.instances, next?.id ?? -1];
  const run = () => replayPath(instance, { ...path, instances });
  expect(run).toThrow(ReplayMismatch);
  expect(run).toThrow(
    /step 7: .*right fork.* is not enabled after 6 steps: it waits for right fork, held by philosopher 1/,
  );
});

test("a step of a process that is elsewhere is refused with where it is", () => {
  const eat = instance.instances.findIndex(({ action }) => action.name === "dine: acquire right fork");
  expect(() => replayPath(instance, { initial: 0, instances: [eat] })).toThrow(/is at "idle"/);
});

test("a witness is confirmed where it is reached", () => {
  const witness = { kind: "witness", name: "somebody-eats", args: { philosopher: 0 } } as const;
  const names = ["dine", "dine: acquire left fork", "dine: acquire right fork", "dine: eat"];
  const instances = names.map((name) =>
    instance.instances.findIndex(({ action, args }) => action.name === name && args.philosopher === 0),
  );
  expect(confirmClaim(instance, replayPath(instance, { initial: 0, instances }), witness)?.name).toBe(
    "somebody-eats",
  );
  expect(confirmClaim(instance, replayPath(instance, { initial: 0, instances: [] }), witness)).toBeNull();
});
