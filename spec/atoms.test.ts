import { expect, test } from "vitest";
import { atoms, findAtoms, meanings, type PolicyPage } from "./atoms.ts";
import { guest } from "./ownership.ts";

const free: PolicyPage = { owner: { tag: "host" }, isLent: false, uses: 0, mappings: 0 };
const used: PolicyPage = { ...free, uses: 1 };
const mapped: PolicyPage = { ...free, uses: 1, mappings: 1 };
const lent: PolicyPage = { ...free, isLent: true };
const guests: PolicyPage = { ...free, owner: { tag: "guest", vm: guest.at(0) } };
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
  [guests, free, "reclaim"],
])("the life of a page: $2", ([before, after, name]) => {
  expect(findAtoms(before, after)).toEqual([name]);
});

test("what changes nothing stutters", () => {
  expect(findAtoms(mapped, { ...mapped })).toBe("stutter");
});

test.for<[string, PolicyPage, PolicyPage]>([
  ["a use of a lent page", lent, { ...lent, uses: 1 }],
  ["a use of a guest's page", guests, { ...guests, uses: 1 }],
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
