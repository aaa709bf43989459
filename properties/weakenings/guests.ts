/** Weakenings of what guests share with the host and give up, and of their teardown. */
import { dropCheck, dropStep, replaceStep, step, unlocked } from "../../checker/index.ts";
import type { MapFrame } from "../../model/hypercalls/map-pages.ts";
import { pvAndroid15Hypercalls } from "../../model/designs/pv-android15.ts";
import type { Machine } from "../../model/machine.ts";
import { guestReclaim } from "../../model/scenarios/guest-reclaim.ts";
import { twoGuests } from "../../model/scenarios/two-guests.ts";
import { pageOf } from "../../model/tables.ts";
import type { Weakening } from "./weakening.ts";

export const guestWeakenings: readonly Weakening[] = [
  {
    name: "map_pages maps what the host borrows",
    mechanism: "M15",
    attack: "A guest that lent a page takes it back, writes its secrets to it, and the device reads them.",
    edits: {
      map_pages: replaceStep<Machine, MapFrame>(
        "look at the state of every page",
        step("look whether the host may access the page", (s, c) => {
          const state = pageOf(s, c.page, 0)?.hostState;
          c.isAllowed = state === "OWNED" || state === "SHARED_BORROWED";
        }),
      ),
    },
    scenario: guestReclaim,
    breaks: ["dma-secrecy"],
  },
  {
    name: "guest_unshare_host takes back pages that are in use for DMA",
    mechanism: "M15",
    attack: "android15 maps what the host borrows; the guest takes the page back, and the device reads it.",
    base: { name: "pv-android15", hypercalls: pvAndroid15Hypercalls },
    edits: { guest_unshare_host: dropCheck("the page is not used for DMA") },
    scenario: guestReclaim,
    breaks: ["dma-secrecy"],
  },
  {
    name: "guest_unshare_host leaves the page with the host",
    mechanism: "M15",
    attack: "The guest writes its secrets to a page that the host still reads.",
    edits: { guest_unshare_host: dropStep("take the page from the host, which borrowed it") },
    scenario: guestReclaim,
    breaks: ["page-states-agree"],
  },
  {
    name: "guest_unshare_host changes the page without the lock of the host's stage 2",
    mechanism: "M07",
    attack: "Another CPU, which saw the page as lent, changes it at the same time.",
    edits: { guest_unshare_host: unlocked("host_mmu.lock") },
    scenario: guestReclaim,
    breaks: ["pages-change-under-host_mmu.lock"],
  },
  {
    name: "guest_share_host lends the page without the lock of the guest's stage 2",
    mechanism: "M07",
    attack: "Another vCPU of the guest changes its stage 2 at the same time.",
    edits: { guest_share_host: unlocked("guest lock") },
    scenario: guestReclaim,
    breaks: ["guest-mappings-change-under-guest-lock"],
  },
  {
    name: "host_donate_guest gives a page to a guest whose vCPU is not loaded",
    mechanism: "M07",
    attack:
      "The guest is being torn down, and its pages were reclaimed: this one comes after them, and is lost.",
    edits: { host_donate_guest: dropCheck("the guest's vCPU is loaded here") },
    scenario: guestReclaim,
    breaks: ["a-dying-guest-gets-no-page"],
  },
  {
    name: "guest_relinquish_to_host does not scrub the page",
    mechanism: "M33",
    attack: "The host reads what the guest wrote to a page that it gave up.",
    edits: { guest_relinquish_to_host: dropStep("scrub the page") },
    scenario: guestReclaim,
    breaks: ["guest-secrets-stay"],
  },
  {
    name: "guest_relinquish_to_host gives up pages that the guest lends",
    mechanism: "M15",
    attack: "The page changes its owner while the host borrows it: whose it is depends on whom one asks.",
    edits: { guest_relinquish_to_host: dropCheck("the guest has the page for itself") },
    scenario: guestReclaim,
    breaks: ["steps-are-atoms"],
  },
  {
    name: "reclaim_dying_guest_page does not scrub the page",
    mechanism: "M33",
    attack: "The host reads what the guest wrote until it was torn down.",
    edits: { reclaim_dying_guest_page: dropStep("scrub the page") },
    scenario: guestReclaim,
    breaks: ["guest-secrets-stay"],
  },
  {
    name: "reclaim_dying_guest_page does not ask whether the guest is dying",
    mechanism: "M33",
    attack: "The host takes pages from a guest that runs.",
    edits: { reclaim_dying_guest_page: dropCheck("the guest is dying") },
    scenario: guestReclaim,
    breaks: ["steps-are-atoms"],
  },
  {
    name: "reclaim_dying_guest_page does not ask whether the page is the dying guest's",
    mechanism: "M33",
    attack: "The host has one guest torn down, and takes the pages of another one that runs.",
    edits: { reclaim_dying_guest_page: dropCheck("the guest maps the page") },
    scenario: twoGuests,
    breaks: ["steps-are-atoms"],
  },
  {
    name: "vcpu_load loads a guest that is dying",
    mechanism: "M33",
    attack: "The guest runs on while its pages are scrubbed, and writes to them.",
    edits: { vcpu_load: dropCheck("the guest is not dying") },
    scenario: guestReclaim,
    breaks: ["a-dying-guest-runs-nowhere"],
  },
  {
    name: "vcpu_load loads without vm_table_lock",
    mechanism: "M33",
    attack: "A guest is loaded that another CPU is about to mark as dying.",
    edits: { vcpu_load: unlocked("vm_table_lock") },
    scenario: guestReclaim,
    breaks: ["guests-live-and-die-under-vm_table_lock"],
  },
  {
    name: "guest_share_host does not look whether the guest runs on this CPU",
    mechanism: "M33",
    attack: "A page is lent to the host, and the guest whose page it is did not ask for that.",
    edits: { guest_share_host: dropCheck("the guest's vCPU is loaded here") },
    scenario: guestReclaim,
    breaks: ["guests-call-where-they-run"],
  },
  {
    name: "vcpu_load does not look whether the CPU runs a guest already",
    mechanism: "M33",
    attack: "The CPU has two guests loaded, and what one of them asks for is done to the other one's pages.",
    edits: { vcpu_load: dropCheck("no vCPU is loaded here") },
    scenario: twoGuests,
    breaks: ["a-cpu-runs-one-guest"],
  },
];
