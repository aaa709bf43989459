/**
 * The second level of the stream table: its tables come when a stream of theirs is attached for the first time, and
 * are never freed.
 */
import { check, type Exit, isValid, leave, type Node, step, when } from "../../checker/index.ts";
import type { Machine, StreamIndex } from "../machine.ts";
import { writeBarrier } from "../smmu/late-stores.ts";
import { freePageOf, isSecondLevelMissing, level1Of } from "../tables.ts";
import type { PageIndex } from "../../spec/ownership.ts";

interface SecondLevelFrame {
  stream: StreamIndex | "one past the end" | "out of range";
  found: PageIndex | null;
}

const mirrors = "smmu_alloc_l2_strtab (v2)";

/** Leads the first level to the page; `isUnaligned` says whether the SMMU will look for the table elsewhere. */
export function leadToSecondLevel<C extends SecondLevelFrame>(
  isUnaligned: (found: PageIndex, unaligned: number) => boolean,
): Node<Machine, C> {
  return step(
    "lead the first level to the second one",
    (s, c, { bounds }) => {
      const first = isValid(c.stream) ? level1Of(s, c.stream) : null;
      if (first !== null && c.found !== null) {
        first.table = c.found;
        first.unaligned = isUnaligned(c.found, bounds.unaligned) ? 1 : 0;
      }
      c.found = null;
    },
    { mirrors: "arm_smmu_write_strtab_l1_desc (v2)", arm: "L1STD.L2Ptr", mechanisms: ["M26"] },
  );
}

/** The second level for the call's stream, where there is none yet: a page of the pool, all zero. */
export function allocateSecondLevel<C extends SecondLevelFrame>(
  whenNone: Exit<Machine, C>,
): Node<Machine, C> {
  return when(
    "is the second level of the stream table missing?",
    (s, c) => isSecondLevelMissing(s, c.stream),
    [
      step(
        "take a page from the pool for the second level",
        (s, c) => {
          c.found = freePageOf(s);
          if (c.found !== null) s.pool[c.found].use = "table";
        },
        { mirrors, mechanisms: ["M23", "M24"] },
      ),
      check("the pool had a page for the second level", (_, c) => c.found !== null, whenNone, { mirrors }),
      when(
        "is the page aligned to the table's size?",
        (_s, c, { bounds }) => c.found !== null && c.found >= bounds.unaligned,
        [],
        [
          step(
            "give the page back to the pool",
            (s, c) => {
              if (c.found !== null) s.pool[c.found].use = "free";
              c.found = null;
            },
            { mirrors, mechanisms: ["M44"] },
          ),
          leave(whenNone),
        ],
        { mirrors, mechanisms: ["M32", "M44"] },
      ),
      writeBarrier<C>(mirrors, ["M26"]),
      leadToSecondLevel<C>((found, unaligned) => found < unaligned),
    ],
    [],
    { mirrors, mechanisms: ["M43"] },
  );
}
