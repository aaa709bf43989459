/** Every design that the command knows. */
import { exampleDesigns } from "../checker/examples/index.ts";
import { designs } from "../properties/index.ts";
import type { Registry } from "./registry.ts";

export function loadDesigns(): Registry {
  return { designs, examples: exampleDesigns };
}
