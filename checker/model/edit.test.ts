import { describe, expect, test } from "vitest";
import { ModelError } from "../errors.ts";
import { lockState } from "./threads.ts";
import { range, record, sort, type StateOf } from "../schema/fields.ts";
import {
  addArgs,
  addLocals,
  dropCheck,
  dropLocals,
  dropStep,
  type Edit,
  edit,
  enclosed,
  insertAfter,
  insertBefore,
  mirrors,
  replaceCheck,
  replaceStep,
  retold,
  swapSteps,
  unlocked,
} from "./edit.ts";
import { flatten } from "./flatten.ts";
import {
  check,
  label,
  locked,
  type Node,
  procedure,
  refuse,
  repeat,
  returns,
  step,
  when,
} from "./procedure.ts";

const cpu = sort("cpu");
const state = record({ lock: lockState(cpu), n: range(0, 3) });
type State = StateOf<typeof state>;
type Frame = Record<never, never>;

const does = (name: string): Node<State, Frame> => step(name, () => {});
const lock = { name: "lock", of: (s: State) => s.lock };

const base = procedure<State, Record<never, never>, { k: ReturnType<typeof range> }>(
  "call",
  { args: {}, locals: { k: range(0, 1) } },
  [
    check("it is allowed", () => true, refuse("EPERM")),
    does("begin"),
    locked(lock, [does("read"), repeat("again", (s) => s.n < 3, [does("write")])]),
    when("it matters", () => true, [does("yes")], [does("no")]),
    label("tail", [does("end")]),
  ],
);

/** The names of a procedure's nodes, a bracket's content in parentheses. */
function outline(of: typeof base): string {
  const say = (nodes: readonly Node<State, Frame>[]): string => nodes.map(sayOne).join(" ");
  const sayOne = (node: Node<State, Frame>): string => {
    switch (node.kind) {
      case "when":
        return `${node.name}(${say(node.yes)} | ${say(node.no)})`;
      case "repeat":
      case "locked":
      case "label":
        return `${node.name}(${say(node.body)})`;
      default:
        return node.name.replaceAll(" ", "-");
    }
  };
  return say(of.body);
}

describe("an edit", () => {
  const whole = "it-is-allowed begin lock(read again(write)) it matters(yes | no) tail(end)";

  test("changes what it names and nothing else", () => {
    expect(outline(base)).toBe(whole);
    const cases: [Edit<State>, string][] = [
      [dropStep("begin"), whole.replace("begin ", "")],
      [dropStep("again"), whole.replace(" again(write)", "")],
      [dropCheck("it is allowed"), whole.replace("it-is-allowed ", "")],
      [replaceStep("write", does("a"), does("b")), whole.replace("write", "a b")],
      [replaceStep("no", does("maybe")), whole.replace("no)", "maybe)")],
      [insertAfter("read", does("again?")), whole.replace("read", "read again?")],
      [insertBefore("it is allowed", does("look")), `look ${whole}`],
      [swapSteps("begin", "read"), whole.replace("begin lock(read", "read lock(begin")],
      [
        swapSteps("begin", "lock"),
        whole.replace("begin lock(read again(write))", "lock(read again(write)) begin"),
      ],
      [unlocked("lock"), whole.replace("lock(read again(write))", "read again(write)")],
      [
        enclosed("begin", "it matters", (inside) => label("all", inside)),
        "it-is-allowed all(begin lock(read again(write)) it matters(yes | no)) tail(end)",
      ],
      [
        enclosed("again", "again", (inside) => label("all", inside)),
        whole.replace("again(write)", "all(again(write))"),
      ],
    ];
    for (const [change, expected] of cases) expect(outline(edit(base, change))).toBe(expected);
    expect(outline(base)).toBe(whole);
  });

  test("changes what a check asks and how control leaves", () => {
    const edited = edit(base, replaceCheck("it is allowed", { holds: () => false, otherwise: returns("0") }));
    const [node] = edited.body;
    expect(node).toMatchObject({
      kind: "check",
      name: "it is allowed",
      otherwise: { kind: "return", result: "0" },
    });
    expect(node.kind === "check" && node.holds({} as never, {}, {} as never)).toBe(false);
  });

  test("adds and drops locals, and says where the procedure comes from", () => {
    const edited = edit(base, addLocals({ found: range(0, 2) }), dropLocals("k"), mirrors("call (v2)"));
    expect(Object.keys(edited.locals)).toEqual(["found"]);
    expect(edited.origin.mirrors).toBe("call (v2)");
  });

  test("a local that the procedure has with other values is not replaced", () => {
    expect(() => edit(base, addLocals({ k: range(0, 5) })).locals).toThrow(/another local "k"/);
    expect(Object.keys(edit(base, addArgs({ more: range(0, 1) })).args)).toContain("more");
    expect(() => edit(base, addArgs({ k: range(0, 5) })).args).toThrow(/another argument or local "k"/);
  });

  test("retells where the procedure and its nodes come from, wherever they stand", () => {
    const named = procedure<State, Record<never, never>>(
      "call",
      { args: {}, origin: { mirrors: "call (v2)", sekvm: "iso" } },
      [
        locked(lock, [
          repeat(
            "again",
            (s) => s.n < 3,
            [when("it matters", () => true, [step("yes", () => {}, { mirrors: "yes (v2)" })], [], {})],
            { mirrors: "loop (v2)" },
          ),
        ]),
        does("nowhere"),
      ],
    );
    const edited = edit(
      named,
      retold((from) => from.replace("v2", "v1")),
    );
    expect(edited.origin).toEqual({ mirrors: "call (v1)", sekvm: "iso" });
    const [bracket] = edited.body;
    expect(bracket).toMatchObject({
      body: [
        {
          origin: { mirrors: "loop (v1)" },
          body: [{ origin: {}, yes: [{ origin: { mirrors: "yes (v1)" } }] }],
        },
      ],
    });
    expect(outline(edited)).toBe("lock(again(it matters(yes | ))) nowhere");
  });

  test("is made one after the other, and the result can be laid out", () => {
    const edited = edit(base, unlocked("lock"), dropStep("again"), insertAfter("read", does("write")));
    expect(flatten(edited).points.map((point) => point.label)).toEqual(
      expect.arrayContaining(["call: begin", "call: read", "call: write"]),
    );
  });
});

describe("an edit that does not apply is an error M12", () => {
  const cases: [string, Edit<State>, RegExp][] = [
    ["a step that is not there", dropStep("begins"), /dropStep\("begins"\) on call.*did you mean "begin"/s],
    ["a check that is a step", dropCheck("begin"), /there is no check "begin"/],
    ["a step that is a check", dropStep("it is allowed"), /there is no step "it is allowed"/],
    ["a lock that is not taken", unlocked("lokc"), /no bracket of "lokc".*did you mean "lock"/s],
    ["a node inside the other", swapSteps("again", "write"), /one is inside the other/],
    [
      "an end that stands before the beginning",
      enclosed("it matters", "begin", (inside) => label("all", inside)),
      /the second does not follow the first/,
    ],
    [
      "an end in another list",
      enclosed("begin", "read", (inside) => label("all", inside)),
      /the second does not follow the first/,
    ],
    ["a local that is not there", dropLocals("kk"), /no local "kk".*did you mean "k"/s],
    [
      "nothing alike",
      insertAfter("something else altogether", does("x")),
      /the names are: it is allowed; begin/,
    ],
  ];
  test.for(cases)("%s", ([, change, message]) => {
    const attempt = (): unknown => edit(base, change).body;
    expect(attempt).toThrow(ModelError);
    expect(attempt).toThrow(/^\[M12\]/);
    expect(attempt).toThrow(message);
  });

  test("a name that two nodes have", () => {
    const twice = edit(base, insertAfter("begin", locked(lock, [does("more")])));
    expect(() => edit(twice, insertAfter("lock", does("x"))).body).toThrow(/2 nodes have that name/);
  });
});
