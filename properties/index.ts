/**
 * The designs with their properties: what the command checks.
 */
import type { Design } from "../checker/index.ts";
import { type MachineDesign, machineDesigns } from "../model/index.ts";
import { commands, commandSteps, commandWitnesses } from "./commands.ts";
import { configuration, configurationSteps, configurationWitnesses } from "./configuration.ts";
import { lifetimes, lifetimeSteps, lifetimeWitnesses } from "./lifetime.ts";
import { discipline, memorySafety } from "./discipline.ts";
import { pageStates, pageStateSteps } from "./page-states.ts";
import { reach, reachWitnesses } from "./reach.ts";
import { referenceCounts, referenceSteps, referenceWitnesses } from "./reference-counts.ts";
import { translations, translationSteps, translationWitnesses } from "./translations.ts";

export const invariants = [
  ...reach,
  ...referenceCounts,
  ...translations,
  ...configuration,
  ...lifetimes,
  ...commands,
  ...memorySafety,
  ...pageStates,
];
export const stepProperties = [
  ...referenceSteps,
  ...translationSteps,
  ...configurationSteps,
  ...lifetimeSteps,
  ...commandSteps,
  ...discipline,
  ...pageStateSteps,
];
export const witnesses = [
  ...reachWitnesses,
  ...referenceWitnesses,
  ...translationWitnesses,
  ...configurationWitnesses,
  ...lifetimeWitnesses,
  ...commandWitnesses,
];

function withProperties(design: MachineDesign): Design {
  return {
    ...design,
    build: () => ({ ...design.build(), invariants, stepProperties, witnesses }),
  };
}

export const designs: readonly Design[] = machineDesigns.map(withProperties);
