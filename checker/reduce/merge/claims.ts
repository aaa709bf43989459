/** What an analysis rests on, held against every state that is expanded: each process holds the locks of its label. */
import { type Leaf, readLeaf } from "../../schema/layout.ts";
import { ReductionFailure, type ReductionName } from "../reduction.ts";
import type { Analysis } from "./analysis.ts";

/** By process, by code of its label: the locks that are not free where the process is there. */
export function claimsOf({ table, locks }: Analysis): (readonly Leaf[])[][] {
  return table.points.map((process) =>
    process.map(({ number }) =>
      locks.isReached[number] ? locks.held[number].members().map((leaf) => table.numbers.leaves[leaf]) : [],
    ),
  );
}

export class Claims {
  private readonly reduction: ReductionName;
  private readonly table: Analysis["table"];
  private readonly claims: readonly (readonly (readonly Leaf[])[])[];

  constructor(reduction: ReductionName, analysis: Analysis) {
    this.reduction = reduction;
    this.table = analysis.table;
    this.claims = claimsOf(analysis);
  }

  /** Throws a `ReductionFailure` where a process does not hold a lock that it is said to hold at its label. */
  check(words: Int32Array, offset: number): void {
    const { controls, points } = this.table;
    for (let process = 0; process < controls.length; process++) {
      const code = readLeaf(controls[process], words, offset);
      const claims = this.claims[process][code];
      for (let i = 0; i < claims.length; i++) {
        if (readLeaf(claims[i], words, offset) !== 0) continue;
        const { label, processName } = points[process][code];
        const what = `${processName} is at "${label}" and does not hold ${claims[i].path}`;
        throw new ReductionFailure(this.reduction, what, label);
      }
    }
  }
}
