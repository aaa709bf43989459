/** The way to an error of the model, as far as it can be replayed. */
import picocolors from "picocolors";
import { nameInstance } from "../checker/evaluate/reference.ts";
import type { Path } from "../checker/search/result.ts";
import type { Instance } from "../checker/model/model.ts";
import { replayPath } from "../checker/trace/replay.ts";
import { formatSteps } from "../checker/trace/print.ts";

/** The steps as lines of text, the last of them the one that fails if it does; "" where there is nothing to tell. */
export function tellSteps<S>(instance: Instance<S>, path: Path): string {
  for (let length = path.instances.length; length >= 0; length--) {
    const part = { initial: path.initial, instances: path.instances.slice(0, length) };
    try {
      const replay = replayPath(instance, part);
      const lines = formatSteps(instance, replay, { width: 100, colors: picocolors.createColors(false) });
      const failing = path.instances[length];
      const last = failing === undefined ? [] : [`  then ${nameInstance(instance.instances[failing])} fails`];
      return `\n${["the steps that lead there:", ...lines, ...last].join("\n")}`;
    } catch {
      // The last step fails here too: tell those before it.
    }
  }
  return "";
}
