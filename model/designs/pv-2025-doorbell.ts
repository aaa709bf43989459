/**
 * The doorbell of pv-2025: a relaxed write.
 */
import { type Edit, replaceStep, step } from "../../checker/index.ts";
import type { Machine } from "../machine.ts";
import type { SmmuOf } from "../smmu/smmus.ts";

/** The doorbell is a relaxed write: stores before it may become visible after it. */
export function withoutBarrier<C>(name: string, of: SmmuOf<C>): Edit<Machine> {
  return replaceStep<Machine, C>(
    `ring the doorbell for ${name}`,
    step(
      `ring the doorbell for ${name}, without a barrier`,
      (s, c, at) => {
        const { queue } = s.smmus[of(s, c, at)];
        queue.doorbell = queue.producer;
      },
      { mirrors: "__smmu_add_cmd (2025)", arm: "CMDQ_PROD" },
    ),
  );
}
