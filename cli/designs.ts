/** Every design that the command knows. */
import { exampleDesigns } from "../checker/examples/index.ts";
import { equivalentMutants } from "../properties/equivalent-mutants.ts";
import { explainedGaps } from "../properties/explained-gaps.ts";
import { designs } from "../properties/index.ts";
import { weakenings } from "../properties/weakenings/index.ts";
import { designOf } from "../properties/weakenings/weakening.ts";
import { readBuildDigest } from "./program-digest.ts";
import type { Registry } from "./registry.ts";

export function loadDesigns(): Registry {
  return {
    builtFrom: readBuildDigest(),
    designs,
    examples: exampleDesigns,
    weakenings: weakenings.map((weakening) => ({
      design: designOf(weakening),
      name: weakening.name,
      mechanism: weakening.mechanism,
      attack: weakening.attack,
      breaks: weakening.breaks,
      survives: weakening.survives ?? null,
    })),
    equivalentMutants,
    explainedGaps,
  };
}
