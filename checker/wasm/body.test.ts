/** What is written instruction by instruction does what it says. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Body } from "./body.ts";
import { ModuleEncoder } from "./encoder.ts";
import { access, i32, op } from "./opcodes.ts";
import { allocateShared, compileWasm, instantiateWasm, type WasmFunction } from "./platform.ts";

const memory = allocateShared(1, 1);

/** A function of so many numbers, made and ready. */
function make(params: number, write: (body: Body) => void): WasmFunction {
  const encoder = new ModuleEncoder({ initial: 1, maximum: 1 << 16 });
  const fn = encoder.declare(
    Array.from({ length: params }, () => i32),
    [i32],
  );
  const body = new Body(params);
  write(body);
  encoder.define(fn, body);
  encoder.export("fn", fn);
  return instantiateWasm(compileWasm(encoder.encode()), memory).fn;
}

test("any constant, address and shift", () => {
  const constants = fc.oneof(fc.integer(), fc.constantFrom(63, 64, -64, -65, 127, 128, 8191, 8192, -8193));
  fc.assert(
    fc.property(constants, fc.nat(15_000), (value, at) => {
      expect(make(0, (body) => body.i32(value))()).toBe(value);
      const stored = make(0, (body) =>
        body
          .i32(0)
          .i32(value)
          .store(4 * at)
          .i32(4 * at)
          .load(),
      );
      expect(stored()).toBe(value);
    }),
    { numRuns: 100 },
  );
});

test("a switch goes to its cases, and past them", () => {
  const chosen = make(1, (body) => {
    const result = body.local();
    body.get(0).switch(5, (n) => (n === 1 || n === 3 ? () => body.i32(10 * n).set(result) : null));
    body.get(result);
  });
  expect([0, 1, 2, 3, 4, 5, -1].map((n) => chosen(n))).toEqual([0, 10, 0, 30, 0, 0, 0]);
});

test("loops, blocks and branches", () => {
  const sumTo = make(1, (body) => {
    const sum = body.local();
    body.block((end) => {
      body.loop((again) => {
        body.get(0).op(op.eqz).brIf(end);
        body.get(sum).get(0).op(op.add).set(sum);
        body.get(0).i32(1).op(op.sub).set(0);
        body.br(again);
      });
    });
    body
      .get(sum)
      .i32(0)
      .op(op.eq)
      .choose(
        () => body.i32(-1),
        () => body.get(sum),
      );
  });
  expect([0, 1, 10, 100].map((n) => sumTo(n))).toEqual([-1, 1, 55, 5050]);
});

test("vectors: which of four words are equal to one", () => {
  const words = new Int32Array(memory.buffer, 64, 4);
  words.set([7, 8, 7, 9]);
  const mask = make(1, (body) => body.i32(64).loadVector(0).get(0).vector(0x11).equalMask());
  expect([mask(7), mask(8), mask(1)]).toEqual([0b0101, 0b0010, 0]);
  expect(make(0, (body) => body.i32(64).at(access.load8, 4))()).toBe(8);
});
