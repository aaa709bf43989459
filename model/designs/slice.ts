/**
 * What the literal designs retell so far: mapping and unmapping against changes of ownership. Domains are
 * allocated and devices attached before the first step, in every scenario of theirs.
 */
import type { Procedure } from "../../checker/index.ts";
import { hostDonateGuest } from "../hypercalls/host-donate-guest.ts";
import { hostDonateHyp } from "../hypercalls/host-donate-hyp.ts";
import { hostReclaimPage } from "../hypercalls/host-reclaim-page.ts";
import { hostShareHyp, hostUnshareHyp } from "../hypercalls/host-share-hyp.ts";
import { mapPages } from "../hypercalls/map-pages.ts";
import { unmapPages } from "../hypercalls/unmap-pages.ts";
import type { Machine } from "../machine.ts";

export const sliceHypercalls: readonly Procedure<Machine>[] = [
  mapPages,
  unmapPages,
  hostDonateGuest,
  hostDonateHyp,
  hostShareHyp,
  hostUnshareHyp,
  hostReclaimPage,
];
