/**
 * The designs with their properties: what the command checks.
 */
import type { Design, Model } from "../checker/index.ts";
import { type MachineDesign, machineDesigns } from "../model/index.ts";
import type { Machine } from "../model/machine.ts";
import { refusalSteps, refusalWitnesses } from "./arguments.ts";
import { commands, commandSteps, commandWitnesses } from "./commands.ts";
import {
  configuration,
  configurationSteps,
  configurationWitnesses,
  streamTables,
  streamTableSteps,
  streamTableWitnesses,
} from "./configuration.ts";
import { contexts, contextSteps, contextWitnesses } from "./contexts.ts";
import { lifetimes, lifetimeSteps, lifetimeWitnesses } from "./lifetime.ts";
import { discipline, memorySafety } from "./discipline.ts";
import { guests, guestSteps, guestWitnesses } from "./guests.ts";
import { pageStates, pageStateSteps } from "./page-states.ts";
import { pageTables, pageTableSteps, pageTableWitnesses } from "./page-tables.ts";
import { power, powerWitnesses } from "./power.ts";
import { reach, reachWitnesses } from "./reach.ts";
import { referenceCounts, referenceSteps, referenceWitnesses } from "./reference-counts.ts";
import { resultSteps, withHistory } from "./results.ts";
import { smmus, smmuWitnesses } from "./smmus.ts";
import { asidWitnesses, translations, translationSteps, translationWitnesses } from "./translations.ts";

export const invariants = [
  ...reach,
  ...referenceCounts,
  ...translations,
  ...configuration,
  ...streamTables,
  ...contexts,
  ...lifetimes,
  ...commands,
  ...memorySafety,
  ...pageStates,
  ...pageTables,
  ...smmus,
  ...power,
  ...guests,
];
export const stepProperties = [
  ...referenceSteps,
  ...translationSteps,
  ...configurationSteps,
  ...streamTableSteps,
  ...contextSteps,
  ...lifetimeSteps,
  ...commandSteps,
  ...discipline,
  ...pageStateSteps,
  ...resultSteps,
  ...pageTableSteps,
  ...guestSteps,
  ...refusalSteps,
];
export const witnesses = [
  ...reachWitnesses,
  ...referenceWitnesses,
  ...translationWitnesses,
  ...asidWitnesses,
  ...configurationWitnesses,
  ...streamTableWitnesses,
  ...contextWitnesses,
  ...lifetimeWitnesses,
  ...commandWitnesses,
  ...pageTableWitnesses,
  ...smmuWitnesses,
  ...powerWitnesses,
  ...guestWitnesses,
  ...refusalWitnesses,
];

/** The machine with everything that is asked of it. */
export function withProperties(machine: Model<Machine>): Model<Machine> {
  return { ...withHistory(machine), invariants, stepProperties, witnesses };
}

/** Built once: what is found out about a recipe is found out about a function, and a model built again has others. */
function checked(design: MachineDesign): Design {
  let built: Model<Machine> | null = null;
  return { ...design, build: () => (built ??= withProperties(design.build())) };
}

export const designs: readonly Design[] = machineDesigns.map(checked);
