/** Symmetry: states that differ only in the names of interchangeable things are one state. */
import type { Reduction } from "../reduction.ts";

export const symmetry: Reduction = {
  name: "symmetry",
  apply: () => ({ refused: "no sort is declared interchangeable" }),
};
