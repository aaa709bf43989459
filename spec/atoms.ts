/**
 * Atoms: the indivisible changes of the policy, and what each hypercall is made of.
 *
 * Whatever the machines do, step by step and concurrently, every step must be one of these atoms on a page,
 * with what the atom needs, or change nothing that the policy sees. An atom changes one field of one page; a
 * call over a range performs its atoms page by page, and may stop after any of them.
 */
import { isSameOwner, type Owner } from "./ownership.ts";

/** All that the policy sees of a page. */
export interface PolicyPage {
  readonly owner: Owner;
  /** The owner is a guest that is being torn down. */
  readonly isOwnerDying: boolean;
  /** The owner lends the page: the host to the hypervisor, a guest to the host. */
  readonly isLent: boolean;
  /** How many uses for DMA are reserved: the page's reference count. */
  readonly uses: number;
  /** How many live entries of page tables lead a device to the page. */
  readonly mappings: number;
}

export interface Atom {
  /** What it does, in a sentence. */
  readonly meaning: string;
  /** What must hold of the page before it. */
  readonly needs: (page: PolicyPage) => boolean;
  /** The one field that it changes. (No atom on a page makes its owner die.) */
  readonly changes: Exclude<keyof PolicyPage, "isOwnerDying">;
  /** How the field changes. */
  readonly makes: (before: PolicyPage, after: PolicyPage) => boolean;
}

/** The host's, lent to nobody. */
const isHosts = (page: PolicyPage): boolean => page.owner.tag === "host" && !page.isLent;
/** A guest's, lent to the host. */
const isBorrowed = (page: PolicyPage): boolean => page.owner.tag === "guest" && page.isLent;
/** A guest's, lent to nobody. */
const isGuests = (page: PolicyPage): boolean => page.owner.tag === "guest" && !page.isLent;
/** The host's, lent to nobody, used by no device. */
const isFree = (page: PolicyPage): boolean => isHosts(page) && page.uses === 0;

export const atoms = {
  reserve: {
    meaning:
      "One more use for DMA is counted, before the entry that needs it is written. What the host borrows may be used as well, by a design that keeps its owner from taking it back meanwhile.",
    needs: (page) => isHosts(page) || isBorrowed(page),
    changes: "uses",
    makes: (before, after) => after.uses === before.uses + 1,
  },
  map: {
    meaning: "An entry begins to lead to the page, on a use that was counted for it.",
    needs: (page) => page.uses > page.mappings,
    changes: "mappings",
    makes: (before, after) => after.mappings === before.mappings + 1,
  },
  unmap: {
    meaning:
      "An entry, or a table of entries at once, stops leading to the page; the uses stay counted until no device can know them.",
    needs: () => true,
    changes: "mappings",
    makes: (before, after) => after.mappings < before.mappings,
  },
  release: {
    meaning: "A use that no entry needs is given back.",
    needs: (page) => page.uses > page.mappings,
    changes: "uses",
    makes: (before, after) => after.uses === before.uses - 1,
  },
  "donate to a guest": {
    meaning: "The host gives a page that is not lent and not used to a guest.",
    needs: isFree,
    changes: "owner",
    makes: (_, after) => after.owner.tag === "guest",
  },
  "donate to the hypervisor": {
    meaning: "The host gives a page that is not lent and not used to the hypervisor.",
    needs: isFree,
    changes: "owner",
    makes: (_, after) => after.owner.tag === "hypervisor",
  },
  share: {
    meaning: "The host lends a page that is not used to the hypervisor.",
    needs: isFree,
    changes: "isLent",
    makes: (_, after) => after.isLent,
  },
  unshare: {
    meaning: "The host takes back a page that it lent.",
    needs: (page) => page.owner.tag === "host" && page.isLent,
    changes: "isLent",
    makes: (_, after) => !after.isLent,
  },
  "lend to the host": {
    meaning: "A guest lends a page to the host, which may let its devices reach it.",
    needs: isGuests,
    changes: "isLent",
    makes: (_, after) => after.isLent,
  },
  "take back from the host": {
    meaning: "A guest that lives takes back a page that it lent and that no device uses.",
    needs: (page) => isBorrowed(page) && page.uses === 0 && !page.isOwnerDying,
    changes: "isLent",
    makes: (_, after) => !after.isLent,
  },
  relinquish: {
    meaning: "A guest gives a page up to the host.",
    needs: (page) => isGuests(page) && page.uses === 0,
    changes: "owner",
    makes: (_, after) => after.owner.tag === "host",
  },
  forfeit: {
    meaning: "What a dying guest lent to the host is lent no more: it stays with the host.",
    needs: (page) => isBorrowed(page) && page.isOwnerDying,
    changes: "isLent",
    makes: (_, after) => !after.isLent,
  },
  reclaim: {
    meaning: "The host gets the page of a dying guest back.",
    needs: (page) => isGuests(page) && page.isOwnerDying,
    changes: "owner",
    makes: (_, after) => after.owner.tag === "host",
  },
  "give back to the host": {
    meaning: "The host gets a page of the hypervisor's back, which is used by nothing.",
    needs: (page) => page.owner.tag === "hypervisor" && page.uses === 0,
    changes: "owner",
    makes: (_, after) => after.owner.tag === "host",
  },
} as const satisfies Readonly<Record<string, Atom>>;

export type AtomName = keyof typeof atoms;

/** The atoms that a call performed, by what they did; each a number of pages. */
export interface Performed {
  readonly reserved: number;
  readonly mapped: number;
  readonly unmapped: number;
  readonly released: number;
  /** Pages that changed hands, or were lent or taken back. */
  readonly moved: number;
}

/** What a call returns: a number, `ok`, or an error, for each of which `refused` stands. */
export type CallResult = number | "ok" | "refused";

export interface Meaning {
  readonly atoms: readonly AtomName[];
  /** What the result says, in a sentence. */
  readonly result: string;
  /** The same as a relation: may a call that performed this return that? */
  readonly relates: (did: Performed, result: CallResult) => boolean;
}

const doesDma = (did: Performed): boolean => did.reserved + did.mapped + did.unmapped + did.released > 0;

const didNothing = (did: Performed): boolean => !doesDma(did) && did.moved === 0;

/** Performed on one page, or refused and nothing changed. */
const movesOne: Meaning["relates"] = (did, result) =>
  result === "ok" ? did.moved === 1 && did.mapped + did.unmapped === 0 : didNothing(did);

/** Nothing that the policy sees, whatever it returns. */
const movesNothing: Meaning["relates"] = (did) => didNothing(did);

/** What each hypercall means: the atoms it may perform, and what its result says about them. */
export const meanings: Readonly<Record<string, Meaning>> = {
  map_pages: {
    atoms: ["reserve", "map", "release"],
    result: "n pages, from the first on, are mapped; the others are as they were.",
    relates: (did, result) =>
      did.mapped === result && did.reserved - did.released === result && did.unmapped === 0,
  },
  unmap_pages: {
    atoms: ["unmap", "release"],
    result: "n pages, from the first on, are unmapped, and no device can reach them through these entries.",
    relates: (did, result) =>
      did.unmapped === result && did.released === result && did.reserved + did.mapped === 0,
  },
  host_donate_guest: {
    atoms: ["donate to a guest"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  host_donate_hyp: {
    atoms: ["donate to the hypervisor"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  host_share_hyp: {
    atoms: ["share"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  host_unshare_hyp: {
    atoms: ["unshare"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  // In the first posting the host passes the page for the page table, and has it back when the domain is freed.
  alloc_domain: {
    atoms: ["donate to the hypervisor"],
    result: "Performed, or refused and nothing changed.",
    relates: (did, result) => (result === 0 ? did.moved <= 1 && !doesDma(did) : didNothing(did)),
  },
  attach_dev: {
    atoms: [],
    result: "The device translates through the domain, or as before.",
    relates: movesNothing,
  },
  detach_dev: {
    atoms: [],
    result: "The device reaches nothing; or refused, and it translates as before.",
    relates: movesNothing,
  },
  free_domain: {
    atoms: ["unmap", "release", "give back to the host"],
    result: "No device can reach anything through the domain; or refused and nothing changed.",
    relates: (did, result) =>
      result === 0
        ? did.unmapped === did.released && did.reserved + did.mapped === 0 && did.moved <= 1
        : didNothing(did),
  },
  iova_to_phys: {
    atoms: [],
    result: "The page that the iova leads to, or nothing.",
    relates: movesNothing,
  },
  pool_reclaim: {
    atoms: ["give back to the host"],
    result: "One page, or none, is the host's again.",
    relates: (did, result) => did.moved === result && did.reserved + did.mapped === 0,
  },
  host_reclaim_page: {
    atoms: ["reclaim"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  reclaim_dying_guest_page: {
    atoms: ["forfeit", "reclaim"],
    result: "The page is the host's again, and lent no more; or refused and nothing changed.",
    relates: (did, result) =>
      result === "ok" ? did.moved > 0 && did.mapped + did.unmapped === 0 : didNothing(did),
  },
  vcpu_load: {
    atoms: [],
    result: "The guest runs on this CPU, or does not.",
    relates: movesNothing,
  },
  vcpu_put: {
    atoms: [],
    result: "The guest runs no more.",
    relates: movesNothing,
  },
  start_teardown_vm: {
    atoms: [],
    result: "The guest is dying; or refused, and it lives.",
    relates: movesNothing,
  },
  guest_share_host: {
    atoms: ["lend to the host"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  guest_unshare_host: {
    atoms: ["take back from the host"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
  guest_relinquish_to_host: {
    atoms: ["relinquish"],
    result: "Performed, or refused and nothing changed.",
    relates: movesOne,
  },
};

const atomNames = Object.keys(atoms) as readonly AtomName[];

/** The fields in which two views of a page differ. */
function fieldsChanged(before: PolicyPage, after: PolicyPage): (keyof PolicyPage)[] {
  const changed: (keyof PolicyPage)[] = [];
  if (!isSameOwner(before.owner, after.owner)) changed.push("owner");
  if (before.isLent !== after.isLent) changed.push("isLent");
  if (before.uses !== after.uses) changed.push("uses");
  if (before.mappings !== after.mappings) changed.push("mappings");
  return changed;
}

/** The atoms that lead from one view of a page to the other; `stutter` where nothing changed. */
export function findAtoms(before: PolicyPage, after: PolicyPage): readonly AtomName[] | "stutter" {
  const changed = fieldsChanged(before, after);
  if (changed.length === 0) return "stutter";
  if (changed.length > 1) return [];
  return atomNames.filter((name) => {
    const atom: Atom = atoms[name];
    return atom.changes === changed[0] && atom.needs(before) && atom.makes(before, after);
  });
}
