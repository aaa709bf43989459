/**
 * Labels of which every loop of a process has one. A search that takes a process's steps alone, and puts those of
 * others off, must not do so for ever: at these labels it does not.
 */
import type { Instance } from "../../model/model.ts";
import type { StepTable } from "../merge/steps.ts";

/**
 * By process, by code of the label. Processes of one kind have the same ones, so that it does not matter which of
 * them is which. Labels where calls begin are among them.
 */
export function findLoopHeads<S>(of: Instance<S>, { points }: StepTable): readonly Uint8Array[] {
  let first = 0;
  return of.processes.flatMap(({ size }) => {
    const kind = points.slice(first, first + size);
    first += size;
    const heads = headsOf(kind);
    return kind.map(() => heads);
  });
}

/** The labels that a walk over all labels comes back to while it is on the way from them. */
function headsOf(kind: StepTable["points"]): Uint8Array {
  const codes = kind[0]?.length ?? 0;
  const heads = new Uint8Array(codes);
  const next = Array.from({ length: codes }, (_, code) => [
    ...new Set(
      kind.flatMap((process) =>
        process[code].steps.flatMap(({ ends }) => ends.flatMap((end) => end.targets)),
      ),
    ),
  ]);
  const state = new Uint8Array(codes);
  const [isNew, isOnTheWay, isDone] = [0, 1, 2];
  const visit = (start: number): void => {
    const way = [{ code: start, at: 0 }];
    state[start] = isOnTheWay;
    for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
      if (top.at === next[top.code].length) {
        state[top.code] = isDone;
        way.pop();
        continue;
      }
      const code = next[top.code][top.at++];
      if (state[code] === isOnTheWay) heads[code] = 1;
      if (state[code] !== isNew) continue;
      state[code] = isOnTheWay;
      way.push({ code, at: 0 });
    }
  };
  const idle = Array.from({ length: codes }, (_, code) => code).filter((code) =>
    kind.some((process) => process[code].isIdle),
  );
  for (const code of idle) {
    heads[code] = 1;
    if (state[code] === isNew) visit(code);
  }
  for (let code = 0; code < codes; code++) if (state[code] === isNew) visit(code);
  return heads;
}
