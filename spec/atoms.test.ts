import { expect, test } from "vitest";
import { atoms, findAtoms, meanings, type PolicyPage } from "./atoms.ts";
import { guest } from "./ownership.ts";

const free: PolicyPage = {
  owner: { tag: "host" },
  isOwnerDying: false,
  isLent: false,
  uses: 0,
  mappings: 0,
};
const used: PolicyPage = { ...free, uses: 1 };
const mapped: PolicyPage = { ...free, uses: 1, mappings: 1 };
const lent: PolicyPage = { ...free, isLent: true };
const guests: PolicyPage = { ...free, owner: { tag: "guest", vm: guest.at(0) } };
const borrowed: PolicyPage = { ...guests, isLent: true };
const dying: PolicyPage = { ...guests, isOwnerDying: true };
const hypervisors: PolicyPage = { ...free, owner: { tag: "hypervisor" } };

test.for<[PolicyPage, PolicyPage, string]>([
  [free, used, "reserve"],
  [used, mapped, "map"],
  [mapped, used, "unmap"],
  [used, free, "release"],
  [free, guests, "donate to a guest"],
  [free, hypervisors, "donate to the hypervisor"],
  [free, lent, "share"],
  [lent, free, "unshare"],
  [guests, borrowed, "lend to the host"],
  [borrowed, guests, "take back from the host"],
  [borrowed, { ...borrowed, uses: 1 }, "reserve"],
  [guests, free, "relinquish"],
  [{ ...dying, isLent: true }, dying, "forfeit"],
])("the life of a page: $2", ([before, after, name]) => {
  expect(findAtoms(before, after)).toEqual([name]);
});

test("the page of a dying guest is reclaimed", () => {
  expect(findAtoms(dying, free)).toContain("reclaim");
});

test("what changes nothing stutters", () => {
  expect(findAtoms(mapped, { ...mapped })).toBe("stutter");
});

test.for<[string, PolicyPage, PolicyPage]>([
  ["a use of a lent page", lent, { ...lent, uses: 1 }],
  ["a use of a guest's page", guests, { ...guests, uses: 1 }],
  ["a lent page taken back while used", { ...borrowed, uses: 1 }, { ...guests, uses: 1 }],
  ["a page given up while lent", borrowed, { ...lent, owner: free.owner }],
  ["an entry without a use", free, { ...free, mappings: 1 }],
  ["a use given back that an entry needs", mapped, { ...mapped, uses: 0 }],
  ["a page donated while used", used, { ...used, owner: guests.owner }],
  ["a page shared while used", used, { ...used, isLent: true }],
  ["a page that goes from a guest to the hypervisor", guests, hypervisors],
  ["two changes at once", free, mapped],
])("no atom: %s", ([, before, after]) => {
  expect(findAtoms(before, after)).toEqual([]);
});

test("every atom belongs to some call", () => {
  const performed = new Set(Object.values(meanings).flatMap((of) => of.atoms));
  expect([...performed].sort()).toEqual(Object.keys(atoms).sort());
});
