import { expect, test } from "vitest";
import { createReference, instantiate } from "../../checker/index.ts";
import { buildPv } from "../designs/pv.ts";
import { type Machine, smmu } from "../machine.ts";
import { twoSmmus } from "../scenarios/two-smmus.ts";

const of = instantiate(buildPv(), { ...twoSmmus.sizes.tiny, without: [] });
const reference = createReference(of);

type Written = { -readonly [K in keyof Machine]: Machine[K] } & {
  cpus: { pc: string; gathered?: number }[];
};

/** A state in which CPU 0 is at this place of its call and holds the lock of SMMU 0, and the domain is bound to SMMU 1. */
function boundAnewAt(pc: string): Machine {
  const [{ state }] = reference.namedInitialStates();
  const written = structuredClone(state) as Written;
  written.cpus[0].pc = pc;
  written.smmus[0].iommuLock.holder = 0 as never;
  written.lifetimes[0].smmu = smmu.at(1);
  return written;
}

function take(state: Machine, action: string): Machine {
  const instance = of.instances.find(({ action: { name }, args }) => name === action && args.cpu === 0);
  if (instance === undefined) throw new Error(`no "${action}"`);
  const taken = reference.step(state, instance);
  if (taken === null) throw new Error(`"${action}" is not enabled`);
  return taken.state;
}

test("a lock is given back on the SMMU that it was taken on, wherever the domain is bound by then", () => {
  const action = "unmap_pages: release iommu.lock";
  const after = take(boundAnewAt(action), action);
  expect(after.smmus.map(({ iommuLock }) => iommuLock.holder)).toEqual([null, null]);
});

test("commands go to the SMMU whose lock the call holds", () => {
  const action = "unmap_pages: write SYNC into its slot";
  const after = take(boundAnewAt(action), action);
  const tags = after.smmus.map(({ queue }) => queue.slots[0].command.tag);
  expect(tags).toEqual(["SYNC", "nothing"]);
});

test("without a lock, the domain says which SMMU: its lock is the one that is taken", () => {
  // The point is called after the condition that is looked at first.
  const action = "unmap_pages: invalidate what was gathered";
  const state = structuredClone(boundAnewAt(action)) as Written;
  state.smmus[0].iommuLock.holder = null;
  state.cpus[0].gathered = 1;
  const after = take(state, action);
  expect(after.smmus.map(({ iommuLock }) => iommuLock.holder)).toEqual([null, 0]);
});
