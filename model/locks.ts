/**
 * The locks, and the order in which they nest: pgt_lock before iommu.lock; host_mmu.lock before
 * pkvm_pgd_lock and before a guest's lock. map and unmap take host_mmu.lock with no IOMMU lock held.
 */
import { type Index, type Lock, locked, type Node } from "../checker/index.ts";
import type { SmmuOf } from "./smmu/smmus.ts";
import { domainOf } from "./tables.ts";
import type { DomainIndex, Machine } from "./machine.ts";

/** host_lock_component: the host's stage 2, the pages' states and reference counts. */
export const hostMmuLock: Lock<Machine, unknown> = { name: "host_mmu.lock", of: (s) => s.hostMmuLock };

/** hyp_lock_component: the hypervisor's stage 1. */
export const pkvmPgdLock: Lock<Machine, unknown> = { name: "pkvm_pgd_lock", of: (s) => s.pkvmPgdLock };

/** guest_lock_component: the stage 2 of one guest. */
export const guestLock: Lock<Machine, { readonly vm: Index<"guest"> }> = {
  name: "guest lock",
  of: (s, c) => s.guests[c.vm].lock,
};

/** vm_table_lock: which guests there are, which are dying, and where their vCPUs are loaded. Taken before the others. */
export const vmTableLock: Lock<Machine, unknown> = { name: "vm_table_lock", of: (s) => s.vmTable[0].lock };

/**
 * list_lock (android15: lock): a domain's list of the SMMUs that it is attached to. There is one where domains have lists
 * of SMMUs and come and go (`list`). It is a lock of readers and writers; here readers exclude each other, too.
 */
export const listLock: Lock<Machine, { readonly domain: DomainIndex | string }> = {
  name: "list_lock",
  of: (s, c) => s.lifetimes[domainOf(c.domain)].list[0].lock,
  exists: (s, c) => s.lifetimes.length > 0 && s.lifetimes[domainOf(c.domain)].list.length > 0,
};

/** The lock of one domain's page table. */
export const pgtLock: Lock<Machine, { readonly domain: Index<"domain"> | string }> = {
  name: "pgt_lock",
  of: (s, c) => s.domains[domainOf(c.domain)].pgtLock,
};

/**
 * kvm_iommu_lock of one SMMU: its command queue. There is no separate lock for the queue. A call that takes it for
 * several purposes says what each is for.
 */
export function iommuLock<C>(of: SmmuOf<C>, purpose = ""): Lock<Machine, C> {
  return { name: `iommu.lock${purpose}`, of: (s, c, at) => s.smmus[of(s, c, at)].iommuLock };
}

/** kvm_iommu_domain_lock: which ids are allocated. Taken before iommu.lock. */
export const domainLock: Lock<Machine, unknown> = {
  name: "kvm_iommu_domain_lock",
  of: (s) => s.domainLock,
};

/** Under the lock: its acquisition and its release are steps of their own. */
export function under<C>(
  lock: Lock<Machine, NoInfer<C>>,
  body: readonly Node<Machine, C>[],
): Node<Machine, C> {
  return locked(lock, body);
}
