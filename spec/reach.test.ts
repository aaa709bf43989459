import { expect, test } from "vitest";
import {
  guest,
  isExclusivelyHosts,
  isLentByHost,
  isSameOwner,
  type Owner,
  type PageState,
} from "./ownership.ts";
import { doesPermit, mayReach } from "./reach.ts";

const host: Owner = { tag: "host" };
const hypervisor: Owner = { tag: "hypervisor" };
const vm0: Owner = { tag: "guest", vm: guest.at(0) };
const vm1: Owner = { tag: "guest", vm: guest.at(1) };

test("owners are told apart, guests by their number", () => {
  const all = [host, hypervisor, vm0, vm1];
  for (const a of all) for (const b of all) expect(isSameOwner(a, b)).toBe(a === b);
});

test.for([
  [host, "OWNED", true],
  [host, "SHARED_OWNED", true],
  [vm0, "NOPAGE", false],
  [vm0, "SHARED_BORROWED", true],
  [hypervisor, "NOPAGE", false],
] as const satisfies readonly [Owner, PageState, boolean][])(
  "the host's device may reach a page of owner $0.tag in host state $1: $2",
  ([owner, hostState, expected]) => {
    expect(mayReach(host, { owner, hostState }, "read")).toBe(expected);
    expect(mayReach(host, { owner, hostState }, "write")).toBe(expected);
  },
);

test("a guest's device may reach that guest's pages, and the hypervisor drives none", () => {
  expect(mayReach(vm0, { owner: vm0, hostState: "NOPAGE" }, "write")).toBe(true);
  expect(mayReach(vm0, { owner: vm1, hostState: "NOPAGE" }, "write")).toBe(false);
  expect(mayReach(vm0, { owner: host, hostState: "OWNED" }, "read")).toBe(false);
  expect(mayReach(hypervisor, { owner: hypervisor, hostState: "NOPAGE" }, "read")).toBe(false);
});

test("only a page that the host owns alone is exclusively the host's", () => {
  expect(isExclusivelyHosts({ owner: host, hostState: "OWNED" })).toBe(true);
  expect(isExclusivelyHosts({ owner: host, hostState: "SHARED_OWNED" })).toBe(false);
  expect(isExclusivelyHosts({ owner: vm0, hostState: "OWNED" })).toBe(false);
  expect(isLentByHost({ owner: host, hostState: "SHARED_OWNED" })).toBe(true);
});

test("a translation permits what it grants", () => {
  expect(doesPermit("read and write", "write")).toBe(true);
  expect(doesPermit("read", "write")).toBe(false);
  expect(doesPermit("write", "read")).toBe(false);
});
