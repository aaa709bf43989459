import { expect, test } from "vitest";
import { Successors } from "../evaluate/evaluator.ts";
import { dmaCore, dmaCoreScope } from "../examples/dma-core.ts";
import { instantiate } from "../model/model.ts";
import { compileInstance, runCompiled } from "./compiled.ts";
import { type Code, emitJavaScript } from "./emit-js.ts";
import { warmUp } from "./warm-up.ts";

const instance = instantiate(dmaCore(), dmaCoreScope("3x2x2"));
const compiled = compileInstance(instance);
const evaluator = runCompiled(instance, compiled);
const host = new Proxy({} as never, { get: () => () => 0 });

test("the walks take every step that a search takes, the rarest too", () => {
  const walked = new Set<string>();
  const { code } = emitJavaScript(compiled.module, host);
  const watched: Code = {
    ...code,
    expand: (words, offset, count, n, into, instances, enough, ends, first) => {
      const done = code.expand(words, offset, count, n, into, instances, enough, ends, first);
      for (const one of instances.subarray(0, ends[first])) walked.add(instance.instances[one].action.name);
      return done;
    },
  };
  warmUp(watched, compiled.module, evaluator.initialStates());

  const searched = new Set<string>();
  const seen = new Set<string>();
  const frontier = evaluator.initialStates();
  const out = new Successors(evaluator.words, 64);
  for (let state = frontier.pop(); state !== undefined && seen.size < 100_000; state = frontier.pop()) {
    if (seen.has(state.join())) continue;
    seen.add(state.join());
    out.clear();
    evaluator.expand(state, 0, out);
    for (let i = 0; i < out.count; i++) {
      searched.add(instance.instances[out.instances[i]].action.name);
      frontier.push(out.words.slice(i * evaluator.words, (i + 1) * evaluator.words));
    }
  }
  expect(searched.size).toBeGreaterThan(10);
  expect(walked).toEqual(searched);
});
