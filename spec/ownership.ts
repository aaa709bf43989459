/**
 * Who owns what. The policy speaks of pages, of who owns each, and of whom the owner lets in.
 *
 * The words are those of pKVM: the host starts with all memory, donates pages to guests and to the
 * hypervisor, shares pages, and gets pages back when a guest is gone.
 */
import { match } from "ts-pattern";
import { type Index, oneOf, sort, union, type ValueOf } from "../checker/index.ts";

/** A physical page of memory. */
export const page = sort("page", "a physical page (4 KiB)");
/** A protected virtual machine. */
export const guest = sort("guest", "a protected virtual machine", { interchangeable: true });

export type PageIndex = Index<"page">;

/** The one that a page belongs to, alone. */
export const owner = union({ host: {}, hypervisor: {}, guest: { vm: guest } });
export type Owner = ValueOf<typeof owner>;

/**
 * What a party may do with a page, as pKVM records it for the host: it owns the page, owns it and lends it,
 * borrows it, or has nothing to do with it.
 */
export const pageState = oneOf("OWNED", "SHARED_OWNED", "SHARED_BORROWED", "NOPAGE");
export type PageState = ValueOf<typeof pageState>;

/** What the policy must know of a page to say who may reach it. */
export interface PageView {
  readonly owner: Owner;
  /** The host's state of the page. */
  readonly hostState: PageState;
}

/** Are these the same party? */
export function isSameOwner(a: Owner, b: Owner): boolean {
  if (a.tag === "guest") return b.tag === "guest" && a.vm === b.vm;
  return a.tag === b.tag;
}

/** Does the page belong to the host, lent to nobody? Only such pages may be donated, shared or mapped for DMA. */
export function isExclusivelyHosts(of: PageView): boolean {
  return of.owner.tag === "host" && of.hostState === "OWNED";
}

/** Does the host own the page and lend it to the hypervisor? */
export function isLentByHost(of: PageView): boolean {
  return of.owner.tag === "host" && of.hostState === "SHARED_OWNED";
}

/** The owner in words, for findings. */
export function describeOwner(of: Owner): string {
  return match(of)
    .with({ tag: "host" }, () => "the host")
    .with({ tag: "hypervisor" }, () => "the hypervisor")
    .with({ tag: "guest" }, ({ vm }) => `VM ${vm}`)
    .exhaustive();
}
