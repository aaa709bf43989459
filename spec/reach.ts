/**
 * Reach: what a device may do to a page.
 *
 * A device speaks for the owner of its stream. It may reach what that owner may access with its CPU, and
 * nothing else; reads (secrecy) and writes (integrity) are told apart. That only pages in state OWNED are
 * ever mapped for DMA is stronger, and a property of its own.
 */
import { oneOf, type ValueOf } from "../checker/index.ts";
import { isSameOwner, type Owner, type PageView } from "./ownership.ts";

export type Access = "read" | "write";

/** What a translation lets a device do. */
export const permission = oneOf("read and write", "read", "write");
export type Permission = ValueOf<typeof permission>;

/** Does a translation with this permission let the access through? */
export function doesPermit(granted: Permission, access: Access): boolean {
  return granted === "read and write" || granted === access;
}

/**
 * May the owner of a stream access the page with its CPU? Reads and writes are decided alike, for nothing is
 * lent read-only here; the parameter keeps the question whole.
 */
export function mayReach(stream: Owner, of: PageView, _access: Access): boolean {
  switch (stream.tag) {
    case "host":
      return of.owner.tag === "host" || of.hostState === "SHARED_BORROWED";
    case "guest":
      return isSameOwner(stream, of.owner);
    // The hypervisor drives no device.
    case "hypervisor":
      return false;
  }
}
