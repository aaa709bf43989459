/** What else could have been done at a schedule's last step. */
import { createReference } from "../../evaluate/reference.ts";
import type { ActionInstance, Instance } from "../../model/model.ts";
import type { Shown } from "../format.ts";
import { confirmClaim, type Replay } from "../replay.ts";

/** A step that could have been taken instead of the last one. */
export interface Road<S> {
  readonly instance: ActionInstance<S>;
  readonly outcome: string;
  /** Does this step show the same claim? */
  readonly shows: boolean;
}

/** The other steps enabled before the last one; none for an empty schedule. */
export function findRoads<S>(of: Instance<S>, replay: Replay<S>, shown: Shown): Road<S>[] {
  const last = replay.steps.at(-1);
  if (last === undefined) return [];
  const reference = createReference(of);
  return of.instances.flatMap((instance) => {
    if (instance === last.instance) return [];
    const taken = reference.step(last.before, instance);
    if (taken === null) return [];
    const step = { ...last, instance, outcome: taken.outcome, changes: [], after: taken.state };
    const steps = [...replay.steps.slice(0, -1), step];
    const shows = confirmClaim(of, { ...replay, steps, final: taken.state }, shown) !== null;
    return [{ instance, outcome: taken.outcome, shows }];
  });
}
