/**
 * The designs, without properties: those are added in properties/index.ts, which is what the command uses.
 */
import type { Design, Model } from "../checker/index.ts";
import { buildPv } from "./designs/pv.ts";
import { buildPvRfc2 } from "./designs/pv-rfc2.ts";
import type { Machine } from "./machine.ts";
import { mapUnmapDonate } from "./scenarios/map-unmap-donate.ts";

/** A design whose model is the machine. */
export interface MachineDesign extends Design {
  build(): Model<Machine>;
}

export const machineDesigns: readonly MachineDesign[] = [
  {
    name: "pv",
    meaning: "The paravirtual design, corrected: every mechanism is in it.",
    claimsToHold: true,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [mapUnmapDonate],
    build: buildPv,
  },
  {
    name: "pv-rfc2",
    meaning: "The posting of December 2024 (RFC v2), literally.",
    claimsToHold: false,
    defaultScenario: mapUnmapDonate.name,
    scenarios: [mapUnmapDonate],
    build: buildPvRfc2,
  },
];
