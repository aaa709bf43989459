/**
 * From an action instance to statements: what `fireAtLabel` does, by the data that it was made from.
 *
 * Rules are a guard and an effect; a thread's call copies its arguments; a control point is a decision tree
 * down to one step. Any other action is interpreted from its closure.
 */
import type { Target, Tree } from "../model/flatten.ts";
import type { ActionInstance, Instance } from "../model/model.ts";
import type { Procedure } from "../model/procedure.ts";
import { choiceParam, idleLabel, isFirstChoice, programOf } from "../model/threads.ts";
import type { Leaf } from "../schema/layout.ts";
import type { Check, Expr, Stmt } from "./ir.ts";
import type { Interpreter } from "./interpreter.ts";
import { getMember, setMember } from "./members.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, type Place, siteOf, type Value } from "./values.ts";

export class ProgramCompiler<S> {
  private readonly of: Instance<S>;
  private readonly run: Interpreter;
  private readonly state: Place;
  private readonly instance: ActionInstance<S>;
  private readonly onEmit: (changed: readonly Leaf[], words: readonly Expr[]) => readonly Check[];

  /** `onEmit` is told which leaves a successor changes, and gives its checks, which may be filled in later. */
  constructor(
    of: Instance<S>,
    run: Interpreter,
    instance: ActionInstance<S>,
    onEmit: (changed: readonly Leaf[], words: readonly Expr[]) => readonly Check[],
  ) {
    this.of = of;
    this.run = run;
    this.instance = instance;
    this.onEmit = onEmit;
    this.state = { kind: "place", bank: 0, options: [of.layout.root], at: run.exprs.zero };
  }

  /** The statements that add the successor, if there is one. */
  compile(): Stmt[] {
    const { action } = this.instance;
    if (action.rule !== undefined) return this.rule(action.rule.when, action.rule.then);
    const program = programOf(action);
    if (program === null) return this.closure();
    const self = this.instance.args[action.process as string] as number;
    const frame = this.frameOf(program.frames, self);
    if (program.kind === "call") return this.callOf(program.procedure, program.entry, frame);
    const isFirst = isFirstChoice(program.point, this.instance.args, this.of.setting);
    return this.tree(program.point.tree, { procedure: program.procedure, frame, self, isFirst });
  }

  private get given(): Value[] {
    return [this.state, fixed(this.instance.args), fixed(this.of.setting)];
  }

  private rule(when: Function | undefined, then: Function): Stmt[] {
    if (when === undefined) return this.collect(() => this.effect(then));
    return this.collect(() =>
      this.guarded(this.run.test(this.run.call(fixed(when), this.given)), () => this.effect(then)),
    );
  }

  private effect(then: Function): void {
    this.run.call(fixed(then), this.given);
    this.emit();
  }

  private closure(): Stmt[] {
    return this.collect(() => {
      const outcome = this.run.call(fixed(this.instance.fireAtLabel), [this.state]);
      if (this.run.env.isDead) return;
      if (outcome.kind !== "static" && outcome.kind !== "scalar")
        throw new Unsupported("an outcome that is no text");
      const isNone = this.run.scalars.equal(outcome, fixed(null), this.run.env.facts);
      this.guarded(this.run.exprs.not(isNone), () => this.emit());
    });
  }

  /** Runs something with a list of statements of its own. */
  private collect(run: () => void): Stmt[] {
    const outer = this.run.out;
    const inner: Stmt[] = [];
    this.run.out = inner;
    run();
    this.run.out = outer;
    return inner;
  }

  /** What follows a test: nothing is computed where it does not hold. */
  private guarded(test: Expr, then: () => void, otherwise: () => void = () => {}): void {
    const { run } = this;
    if (run.env.isDead) return;
    const decided = run.env.facts.decide(test);
    if (decided !== null) {
      if (decided) then();
      else otherwise();
      return;
    }
    const [yes, no] = run.fork(test);
    const reads = new Set(run.reads);
    const side = (env: typeof yes, what: () => void): Stmt[] =>
      this.collect(() => {
        // Within the branch, its condition need not be said again; and what the other one reads is not read.
        env.path = run.exprs.one;
        run.env = env;
        run.reads.clear();
        for (const leaf of reads) run.reads.add(leaf);
        what();
      });
    const ofYes = side(yes, then);
    const readThere = [...run.reads];
    const ofNo = side(no, otherwise);
    for (const leaf of readThere) run.reads.add(leaf);
    if (ofYes.length + ofNo.length > 0) run.out.push({ do: "if", test, yes: ofYes, no: ofNo });
    run.env.isDead = true;
  }

  private emit(): void {
    const { env, out, exprs, writes } = this.run;
    if (env.isDead) return;
    const [words] = env.words;
    const changed = [...writes].filter(({ word, shift, mask, shape }) => {
      const high = shape.cardinality - 1;
      return (
        exprs.extract(words[word], shift, mask, high) !==
        exprs.extract(exprs.word(0, word), shift, mask, high)
      );
    });
    out.push({ do: "emit", instance: this.instance.id, words, checks: this.onEmit(changed, words) });
  }

  // Threads

  private frameOf(frames: string, self: number): Value {
    return getMember(this.run, getMember(this.run, this.state, fixed(frames)), fixed(self));
  }

  private callOf(procedure: Procedure<S>, entry: Target<S>, frame: Value): Stmt[] {
    return this.collect(() => {
      if (entry.kind === "point") {
        for (const name of Object.keys(procedure.args)) {
          setMember(this.run, frame, fixed(name), fixed(this.instance.args[name]));
        }
        setMember(this.run, frame, fixed("pc"), fixed(entry.label));
      }
      this.emit();
    });
  }

  private siteOf(self: number): Value {
    return siteOf(this.of.setting, self);
  }

  private tree(tree: Tree<S>, at: PointContext<S>): Stmt[] {
    return this.collect(() => this.follow(tree, at));
  }

  private follow(tree: Tree<S>, at: PointContext<S>): void {
    const { run } = this;
    const given = [this.state, at.frame, this.siteOf(at.self)];
    if (run.env.isDead) return;
    if (tree.kind === "branch") {
      const test = run.test(run.call(fixed(tree.holds), given));
      this.guarded(
        test,
        () => this.follow(tree.yes, at),
        () => this.follow(tree.no, at),
      );
      return;
    }
    // What is no choice is one transition, not one for each choice.
    if (!at.isFirst && !(tree.kind === "act" && tree.node.kind === "choose")) return;
    if (tree.kind === "leave") {
      this.leave(tree.next, at);
      return;
    }
    const { node, next } = tree;
    switch (node.kind) {
      case "step":
        run.call(fixed(node.effect), given);
        this.leave(next, at);
        return;
      case "choose":
        run.call(fixed(node.effect), [
          this.state,
          at.frame,
          fixed(this.instance.args[choiceParam]),
          this.siteOf(at.self),
        ]);
        this.leave(next, at);
        return;
      case "wait":
        this.guarded(run.test(run.call(fixed(node.until), given)), () => this.leave(next, at));
        return;
      case "acquire": {
        const lock = run.call(fixed(node.lock.of), given);
        this.guarded(this.isHeldBy(lock, null), () => {
          setMember(run, lock, fixed("holder"), fixed(at.self));
          this.leave(next, at);
        });
        return;
      }
      case "release": {
        const lock = run.call(fixed(node.lock.of), given);
        // Releasing a lock that is not held is an error of the model.
        run.fail(run.exprs.not(this.isHeldBy(lock, at.self)));
        if (!run.env.isDead) setMember(run, lock, fixed("holder"), fixed(null));
        this.leave(next, at);
      }
    }
  }

  private isHeldBy(lock: Value, holder: number | null): Expr {
    const { run } = this;
    if (run.env.isDead) return run.exprs.zero;
    const held = run.scalarOf(getMember(run, lock, fixed("holder")), "the holder");
    return run.scalars.equal(held, fixed(holder), run.env.facts);
  }

  private leave(to: Target<S>, at: PointContext<S>): void {
    const { run } = this;
    if (run.env.isDead) return;
    if (to.kind === "return" && typeof to.result !== "string") {
      // Only what it reads matters: the text is made when a trace is replayed.
      run.call(fixed(to.result), [this.state, at.frame, this.siteOf(at.self)]);
    }
    if (run.env.isDead) return;
    if (to.kind !== "point") this.reset(at);
    const label = to.kind === "point" || to.kind === "panic" ? to.label : idleLabel;
    setMember(run, at.frame, fixed("pc"), fixed(label));
    this.emit();
  }

  /** Gives the procedure's arguments and locals their initial values: code 0, whatever they hold. */
  private reset({ procedure, frame }: PointContext<S>): void {
    if (frame.kind !== "place") throw new Unsupported("a frame that is no record of the state");
    for (const name of Object.keys({ ...procedure.args, ...procedure.locals })) {
      const options = frame.options.map((spot) => {
        const field = spot.kind === "record" ? spot.fields.find(([known]) => known === name) : undefined;
        if (field === undefined) throw new Unsupported(`the local "${name}", which the frame does not have`);
        return field[1];
      });
      this.run.state.copySpots(null, { bank: 0, options, at: frame.at });
    }
  }
}

interface PointContext<S> {
  readonly procedure: Procedure<S>;
  readonly frame: Value;
  readonly self: number;
  readonly isFirst: boolean;
}
