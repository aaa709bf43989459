/**
 * guest-reclaim: guests run, lend a page to the host, take it back and give it up, and are torn down, while the host
 * maps and unmaps the same page for its device.
 *
 * What exists, and why not more:
 * - One page changes hands: the host's, a guest's, lent, the host's again. One domain with one iova, attached to one
 *   device for ever: what a second page or iova would add, `map-unmap-donate` has.
 * - Guests have one vCPU each. They collude with the host: they call when it likes (`guest-collusion`).
 * - In `tiny` there is one; CPU 0 has its vCPU loaded, makes its calls and gives it the page; CPU 1 tears it down and
 *   reclaims the page, or has the vCPU loaded instead. Both map and unmap: so every call of the guest's meets a map and an unmap, and so does every
 *   reclaim. In `paper` there are two, of which one may be dying while the other runs, or asks for the other's page;
 *   and either CPU makes every call.
 * - A guest that was torn down stays so.
 * - Arguments are valid, but the page need not be the guest's.
 */
import type { Scenario } from "../../checker/index.ts";
import { onePage } from "./absent.ts";
import type { Args } from "./calls.ts";
import { withoutCommands, withoutLifetimes, withoutTables } from "./themes.ts";

const guests: readonly string[] = ["guest_share_host", "guest_unshare_host", "guest_relinquish_to_host"];
const calls: readonly (readonly string[])[] = [
  ["vcpu_load", "vcpu_put", ...guests, "host_donate_guest", "map_pages", "unmap_pages"],
  ["vcpu_load", "vcpu_put", "start_teardown_vm", "reclaim_dying_guest_page", "map_pages", "unmap_pages"],
];

/** Every CPU makes the calls that are its own, or all of them. */
function allowing(of: (cpu: number) => readonly string[]) {
  return (action: string, args: Args): boolean => {
    if (typeof args.cpu !== "number") return !action.includes("for a stream");
    const [call] = action.split(":");
    if (!of(args.cpu).includes(call)) return false;
    if (action !== call) return true;
    if (Object.values(args).some((value) => typeof value === "string" && value !== "read and write"))
      return false;
    return args.count !== 0;
  };
}

const bounds = {
  ...onePage,
  vmTable: 1,
} as const;

const without = [
  ...withoutTables,
  ...withoutLifetimes,
  ...withoutCommands,
  "the hypervisor owns a page",
  "hypervisor-mappings-change-under-pkvm_pgd_lock",
  "a page is shared",
  "a page is mapped twice",
  "map succeeds in part",
  "the queue is full",
];
export const guestReclaim: Scenario = {
  name: "guest-reclaim",
  sentence:
    "A guest lends a page to the host, takes it back, gives it up, and is torn down, and the host reclaims the page, while the host maps and unmaps it for a device: shows pages that a device still reaches when a guest has them back, and pages that the host gets unscrubbed; cannot show several pages of a guest, devices of guests, or a guest that comes back under the same handle",
  sizes: {
    tiny: { bounds, allows: allowing((cpu) => calls[cpu]), without },
    paper: { bounds: { ...bounds, guest: 2 }, allows: allowing(() => calls.flat()), without },
  },
};
