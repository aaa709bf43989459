/**
 * Whom a blocked process waits for, as an answer in numbers: what `blocked` tells in words.
 */
import type { Tree } from "../model/flatten.ts";
import type { ActionInstance, Instance } from "../model/model.ts";
import type { RuleBody } from "../model/rule.ts";
import { programOf } from "../model/threads.ts";
import type { Interpreter } from "./interpreter.ts";
import type { Expr, Stmt } from "./ir.ts";
import { getMember } from "./members.ts";
import { Unsupported } from "./unsupported.ts";
import { fixed, siteOf, type Value } from "./values.ts";

/** Numbers the sets of servers: by action name. */
export class ServerSets {
  readonly sets: (readonly string[])[] = [];

  numberOf(servers: readonly string[]): number {
    const known = this.sets.findIndex(
      (set) => set.length === servers.length && set.every((name, i) => name === servers[i]),
    );
    return known >= 0 ? known : this.sets.push(servers) - 1;
  }
}

export class WaitCompiler<S> {
  private readonly run: Interpreter;
  private readonly servers: ServerSets;
  private readonly instance: ActionInstance<S>;
  /** The number of the dispatch of the process's first element. */
  private readonly first: number;
  private readonly of: Instance<S>;
  private readonly state: Value;

  constructor(
    of: Instance<S>,
    run: Interpreter,
    servers: ServerSets,
    instance: ActionInstance<S>,
    first: number,
  ) {
    this.of = of;
    this.run = run;
    this.servers = servers;
    this.instance = instance;
    this.first = first;
    this.state = { kind: "place", bank: 0, options: [of.layout.root], at: run.exprs.zero };
  }

  /** Statements that answer on whom the instance's process waits, if it does. */
  compile(): Stmt[] {
    const { action, args } = this.instance;
    this.run.out = [];
    if (action.rule?.waitsFor !== undefined) this.answerRule(action.rule.waitsFor);
    const program = programOf(action);
    if (program?.kind === "point") {
      const self = args[action.process as string] as number;
      const frame = getMember(this.run, getMember(this.run, this.state, fixed(program.frames)), fixed(self));
      this.answerTree(
        program.point.tree,
        [this.state, frame, siteOf(this.of.setting, self)],
        this.run.exprs.one,
      );
    }
    return this.run.out;
  }

  private answer(when: Expr, value: Expr): void {
    this.run.out.push({ do: "answer", when, value });
  }

  private answerRule(waitsFor: NonNullable<RuleBody<S, never>["waitsFor"]>): void {
    const { run } = this;
    const given = [this.state, fixed(this.instance.args), fixed(this.of.setting)];
    const found = run.call(fixed(waitsFor), given);
    if (run.env.isDead) return;
    const when = run.test(found);
    run.env.facts.assume(when, true);
    if (run.env.facts.decide(when) === false) return;
    const kind = getMember(run, found, fixed("kind"));
    if (kind.kind !== "static") throw new Unsupported("a step that waits in two ways");
    if (kind.value === "lock") {
      const holder = run.numberOf(getMember(run, found, fixed("holder")), "the holder");
      this.answer(when, run.exprs.add(holder, run.exprs.const(this.first)));
      return;
    }
    const servers = getMember(run, found, fixed("servedBy"));
    this.answer(when, this.codeOfWait(this.namesIn(servers)));
  }

  private namesIn(list: Value): string[] {
    if (list.kind === "static") return [...(list.value as readonly string[])];
    const length = getMember(this.run, list, fixed("length"));
    if (length.kind !== "static") throw new Unsupported("a wait whose servers change");
    return Array.from({ length: length.value as number }, (_, i) => {
      const name = getMember(this.run, list, fixed(i));
      if (name.kind !== "static") throw new Unsupported("a wait whose servers change");
      return String(name.value);
    });
  }

  private codeOfWait(servers: readonly string[]): Expr {
    return this.run.exprs.const(-2 - this.servers.numberOf(servers));
  }

  /** As `bindBlocked` of threads: down the tree to the step that cannot be taken. */
  private answerTree(tree: Tree<S>, given: readonly Value[], when: Expr): void {
    const { run } = this;
    if (run.env.isDead) return;
    if (tree.kind === "branch") {
      const test = run.test(run.call(fixed(tree.holds), given));
      if (run.env.isDead) return;
      const decided = run.env.facts.decide(test);
      if (decided !== null) {
        this.answerTree(decided ? tree.yes : tree.no, given, when);
        return;
      }
      const [yes, no] = run.fork(test);
      run.env = yes;
      this.answerTree(tree.yes, given, run.exprs.and(when, test));
      run.env = no;
      this.answerTree(tree.no, given, run.exprs.and(when, run.exprs.not(test)));
      return;
    }
    if (tree.kind !== "act") return;
    const { node } = tree;
    if (node.kind === "wait") {
      // Asked of a process that is blocked: that the condition does not hold is known.
      this.answer(when, this.codeOfWait(node.servedBy));
    } else if (node.kind === "acquire") {
      const lock = run.call(fixed(node.lock.of), given);
      if (run.env.isDead) return;
      const held = run.scalarOf(getMember(run, lock, fixed("holder")), "the holder");
      const isFree = run.scalars.equal(held, fixed(null), run.env.facts);
      run.env.facts.assume(isFree, false);
      if (run.env.facts.decide(isFree) === true) return;
      const holder = run.numberOf(held, "the holder");
      this.answer(
        run.exprs.and(when, run.exprs.not(isFree)),
        run.exprs.add(holder, run.exprs.const(this.first)),
      );
    }
  }
}
