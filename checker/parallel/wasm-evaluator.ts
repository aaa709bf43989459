/**
 * An instance as a WebAssembly module: the compiled model, the table and the search of a layer in one, over a memory
 * that threads share. It is an evaluator like the others (which is how they are compared), and what the search
 * among threads runs on.
 *
 * What has to run as it was written (exact errors, deadlocks in words) the packed evaluator does, in JavaScript. The
 * compiler is not loaded from here: the module may have been made before (create-wasm.ts makes it).
 */
import type { Fallback } from "../compile/compile.ts";
import type { Deadlock, Evaluator, Successors } from "../evaluate/evaluator.ts";
import { createPacked } from "../evaluate/packed.ts";
import { createReference } from "../evaluate/reference.ts";
import type { Instance } from "../model/model.ts";
import {
  allocateShared,
  compileWasm,
  instantiateWasm,
  mostPages,
  pageBytes,
  type WasmFunction,
  type WasmMemory,
  type WasmModule,
} from "../wasm/platform.ts";
import { type MapNeeds, MemoryMap } from "./memory-map.ts";
import { chooseSlot } from "./slot.ts";

export interface WasmOptions {
  /** Threads that work at the search. */
  readonly workers?: number;
  /** Bytes that the search may take: an empty table has a small part of them. */
  readonly memory?: number | undefined;
  /** Bytes of address space, at most; the memory itself is taken as it is needed. */
  readonly space?: number;
}

/** A table is chosen that is empty with no more bytes than these. */
const mostEmptyBytes = 40 * 2 ** 20;
const leastPages = 1 << 9;

/** What of a compiled instance an evaluator needs: what lies around the code, and the code. */
export interface WasmSource {
  readonly mostSuccessors: number;
  /** The action names of each set of servers. */
  readonly servers: readonly (readonly string[])[];
  readonly reshaped?: MapNeeds["reshaped"];
  /** The module, for a memory that is laid out so. */
  encode(map: MemoryMap): Uint8Array;
}

type Exports = Record<
  | "setBase"
  | "work"
  | "takeIn"
  | "sift"
  | "walks"
  | "count"
  | "publish"
  | "serve"
  | "rehash"
  | "place"
  | "expand"
  | "mayBeDeadlock"
  | "invariants"
  | "witnesses",
  WasmFunction
>;

const none: readonly number[] = [];

export class WasmEvaluator<S> implements Evaluator {
  readonly name = "wasm";
  readonly words: number;
  readonly usedBits: readonly number[];
  readonly fallbacks: readonly Fallback[] = [];
  readonly of: Instance<S>;
  readonly workers: number;
  readonly map: MemoryMap;
  readonly memory: WasmMemory;
  readonly module: WasmModule;
  /** The functions, for this thread. */
  readonly run: Exports;
  /** The memory, seen as words, and as bytes. */
  readonly cells: Int32Array;
  readonly bytes: Uint8Array;
  /** Bytes of the generated module. */
  readonly codeBytes: number;
  private behind: Evaluator | null = null;
  private isSearched = false;

  constructor(of: Instance<S>, source: WasmSource, options: WasmOptions) {
    const { memory = Infinity, space = mostPages * pageBytes, workers = 1 } = options;
    this.of = of;
    this.workers = workers;
    this.words = of.layout.words;
    this.usedBits = of.layout.usedBits;
    this.memory = allocateShared(Math.ceil(space / pageBytes), leastPages);
    const memoryBytes = this.memory.buffer.byteLength;
    this.map = new MemoryMap({
      words: this.words,
      slot: chooseSlot(
        Math.max(0, of.layout.bits - 1 - 32),
        Math.min(mostEmptyBytes, memoryBytes / 8, memory / 8),
      ),
      threads: workers,
      instances: of.instances.length,
      invariants: of.invariants.length,
      stepProperties: of.stepProperties.length,
      witnesses: of.witnesses.length,
      serverSets: source.servers.length,
      mostSuccessors: source.mostSuccessors,
      ...(source.reshaped && { reshaped: source.reshaped }),
      memoryBytes,
    });
    const bytes = source.encode(this.map);
    this.codeBytes = bytes.length;
    this.module = compileWasm(bytes);
    this.run = instantiateWasm(this.module, this.memory) as Exports;
    this.run.setBase(this.map.thread(0));
    this.cells = new Int32Array(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    source.servers.forEach((names, set) => {
      of.instances.forEach(({ action, id }) => {
        this.bytes[this.map.servers + set * of.instances.length + id] = names.includes(action.name) ? 1 : 0;
      });
    });
  }

  /** The evaluator for what has to run as it was written. */
  get packed(): Evaluator {
    this.behind ??= createPacked(this.of);
    return this.behind;
  }

  initialStates(): Int32Array[] {
    const reference = createReference(this.of);
    return reference.namedInitialStates().map(({ state }) => reference.pack(state));
  }

  expand(words: Int32Array, offset: number, out: Successors): boolean {
    const { cells, map, run } = this;
    const state = this.load(words, offset);
    const first = map.thread(0) + map.batch;
    this.clearCandidates();
    const end = run.expand(state, first) >>> 0;
    const before = out.count;
    if (end === 0) return this.packed.expand(words, offset, out);
    for (let at = first; at < end; at += map.recordBytes) {
      const to = out.nextOffset();
      for (let i = 0; i < this.words; i++) out.words[to + i] = cells[(at >>> 2) + i];
      out.instances[out.count++] = cells[(at + map.instanceOffset) >>> 2];
    }
    this.of.stepProperties.forEach(({ id }) => {
      const candidate = (map.thread(0) + map.stepCandidate(id)) >>> 2;
      if (cells[candidate] === 0) return;
      // One of the steps that broke it is kept: the others are found as they were written.
      out.count = before;
    });
    if (out.count === before && end > first) return this.packed.expand(words, offset, out);
    return run.mayBeDeadlock(state, first, end) !== 0;
  }

  violatedInvariants(words: Int32Array, offset: number): readonly number[] {
    const { cells, map, run } = this;
    const state = this.load(words, offset);
    this.clearCandidates();
    if (run.invariants(state) !== 0) return this.packed.violatedInvariants(words, offset);
    const isViolated = (id: number): boolean =>
      cells[(map.thread(0) + map.invariantCandidate(id)) >>> 2] !== 0;
    const violated = this.of.invariants.flatMap(({ id }) => (isViolated(id) ? [id] : []));
    return violated.length === 0 ? none : violated;
  }

  markWitnesses(words: Int32Array, offset: number, reached: Uint8Array): void {
    const { bytes, map, run } = this;
    const at = map.thread(0) + map.reached;
    bytes.set(reached, at);
    if (run.witnesses(this.load(words, offset)) !== 0) this.packed.markWitnesses(words, offset, reached);
    else reached.set(bytes.subarray(at, at + reached.length));
  }

  deadlockIn(words: Int32Array, offset: number): Deadlock | null {
    return this.packed.deadlockIn(words, offset);
  }

  /** The step of the model with which a transition begins: here, the same. */
  stepOf(transition: number): number {
    return transition;
  }

  /** Looks at a state that compiled code has noted for that, or found something wrong with. Throws what is wrong. */
  examine?(state: Int32Array, isDoubted: boolean): void;

  /** Learns from a state that was handed over. */
  learn?(state: Int32Array): void;

  /** A layer has been searched; there are so many states now. */
  endLayer?(states: number): void;

  /** Forgets the violations that this thread has noted. */
  clearCandidates(): void {
    const { invariants, stepProperties } = this.map.needs;
    const first = (this.map.thread(0) + this.map.candidates) >>> 2;
    this.cells.fill(0, first, first + (this.map.candidateBytes >>> 2) * (invariants + stepProperties));
  }

  /** Takes the memory for a search: there can be one. */
  beginSearch(): void {
    if (this.isSearched) throw new Error("the memory of this evaluator has the states of a search");
    this.isSearched = true;
  }

  /** From now on this is an evaluator, to which every violation and witness is news. */
  endSearch(): void {
    const { bytes, map } = this;
    bytes.fill(0, map.knownWitnesses, map.servers);
    this.clearCandidates();
  }

  /** Puts a state where nothing else is while this thread does not search; returns its address. */
  protected load(words: Int32Array, offset: number): number {
    const at = this.map.thread(0) + this.map.log;
    for (let i = 0; i < this.words; i++) this.cells[(at >>> 2) + i] = words[offset + i];
    return at;
  }
}
