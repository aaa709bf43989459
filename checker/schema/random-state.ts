/** Random states of an instance, reachable or not, in the one packed form that each state has. */
import { encode } from "./layout.ts";
import type { Instance } from "../model/model.ts";
import { type Shape, valueOf } from "./shape.ts";

/** A state whose every choice is made by `below(n)`, a number from 0 to n - 1. */
export function randomState<S>(of: Instance<S>, below: (n: number) => number): Int32Array {
  return encode(of.layout, randomValue(of.shape, below));
}

function randomValue(shape: Shape, below: (n: number) => number): unknown {
  switch (shape.kind) {
    case "scalar":
      return valueOf(shape, below(shape.cardinality));
    case "record":
      return Object.fromEntries(shape.fields.map(([name, field]) => [name, randomValue(field, below)]));
    case "array":
      return Array.from({ length: shape.length }, () => randomValue(shape.of, below));
    case "queue":
      return Array.from({ length: below(shape.capacity + 1) }, () => randomValue(shape.of, below));
    case "set":
      return new Set(Array.from({ length: shape.size }, (_, i) => i).filter(() => below(2) === 1));
    case "union": {
      const tags = Object.keys(shape.variants);
      const tag = tags[below(tags.length)];
      const fields = shape.fields.filter(([name]) => shape.variants[tag].includes(name));
      return { tag, ...Object.fromEntries(fields.map(([name, field]) => [name, randomValue(field, below)])) };
    }
  }
}
