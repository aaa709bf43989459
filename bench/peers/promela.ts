/**
 * dma-core for SPIN: the same transition system as checker/examples/dma-core.ts, written as SPIN likes it: a
 * process for each CPU whose control state is the label, one `d_step` for each transition.
 *
 * Each step asserts the invariants on the state that it leads to. `uses[c]` is a ghost of CPU c's control
 * state (it holds a use that no entry shows), which assertions cannot name.
 */
import type { DmaCoreSize } from "./sizes.ts";

/** The model's text. 0 stands for no page and for a free lock, as in the model's own description. */
export function dmaCoreInPromela({ pages, iovas, cpus }: DmaCoreSize): string {
  const P = upTo(pages);
  const V = upTo(iovas);
  const C = upTo(cpus);
  const usesOf = (p: number): string =>
    [...V.map((i) => `(pte[${i}] == ${p + 1})`), ...C.map((c) => `(uses[${c}] && lp[${c}] == ${p})`)].join(
      " + ",
    );
  const invariants = [
    ...V.map((i) => `(pte[${i}] == 0 || own[pte[${i}] - 1] == HOST)`),
    ...V.map((i) => `(tlb[${i}] == 0 || own[tlb[${i}] - 1] == HOST)`),
    ...P.map((p) => `(ref[${p}] == ${usesOf(p)})`),
  ];
  const begin = (updates: string, label: string): string =>
    `  :: d_step { true -> ${updates}; CHECK } goto ${label}`;
  const calls = [
    ...V.flatMap((i) => P.map((p) => begin(`LI = ${i}; LP = ${p}`, "M1"))),
    ...V.map((i) => begin(`LI = ${i}`, "U1")),
    ...P.map((p) => begin(`LP = ${p}`, "D1")),
    ...P.map((p) => begin(`LP = ${p}`, "R1")),
  ];
  // A label in front of a d_step is a jump into it, to SPIN; in front of an `if` it is not.
  const only = (label: string, update: string, next: string): string =>
    `${label}: if :: d_step { ${update}; CHECK } goto ${next} fi;`;
  const take = (label: string, lock: string, next: string): string =>
    only(label, `${lock} == 0 -> ${lock} = _pid + 1`, next);
  const give = (label: string, lock: string, next: string): string =>
    only(label, `true -> ${lock} = 0`, next);
  const either = (label: string, condition: string, [yes, toYes]: string[], [no, toNo]: string[]): string =>
    `${label}: if
  :: d_step { ${condition} -> ${yes}; CHECK } goto ${toYes}
  :: d_step { !(${condition}) -> ${no}; CHECK } goto ${toNo}
  fi;`;
  const device = V.flatMap((i) => [
    `  :: d_step { pte[${i}] != 0 && tlb[${i}] == 0 -> tlb[${i}] = pte[${i}]; CHECK }`,
    `  :: d_step { q[${i}] == 1 -> tlb[${i}] = 0; q[${i}] = 0; CHECK }`,
  ]);
  return `#define HOST 0
#define GUEST 1
#define LI li[_pid]
#define LP lp[_pid]
#define USES uses[_pid]
byte own[${pages}], ref[${pages}], pte[${iovas}], tlb[${iovas}];
bit q[${iovas}];
byte hl, il;
byte li[${cpus}], lp[${cpus}];
bit uses[${cpus}];
#define CHECK assert(${invariants.join(" && ")})
active [${cpus}] proctype cpu() {
IDLE: if
${calls.join("\n")}
  fi;
${take("M1", "il", "M2")}
${take("M2", "hl", "M3")}
${either("M3", `own[LP] == HOST && ref[LP] < ${iovas}`, ["ref[LP]++; USES = 1", "M4"], ["skip", "M4F"])}
${give("M4", "hl", "M5")}
${give("M4F", "hl", "REL")}
${either("M5", "pte[LI] == 0", ["pte[LI] = LP + 1; USES = 0", "REL"], ["skip", "U5"])}
${take("U1", "il", "U2")}
${either("U2", "pte[LI] == 0", ["skip", "REL"], ["LP = pte[LI] - 1; pte[LI] = 0; USES = 1", "U3"])}
${only("U3", "true -> q[LI] = 1", "U4")}
${only("U4", "q[LI] == 0 -> skip", "U5")}
${take("U5", "hl", "U6")}
${only("U6", "true -> ref[LP]--; USES = 0", "U7")}
${give("U7", "hl", "REL")}
${only("REL", "true -> il = 0; LI = 0; LP = 0", "IDLE")}
${take("D1", "hl", "D2")}
${either("D2", "own[LP] == HOST && ref[LP] == 0", ["own[LP] = GUEST", "D3"], ["skip", "D3"])}
${only("D3", "true -> hl = 0; LI = 0; LP = 0", "IDLE")}
${take("R1", "hl", "R2")}
${either("R2", "own[LP] == GUEST", ["own[LP] = HOST", "D3"], ["skip", "D3"])}
}
active proctype device() {
  do
${device.join("\n")}
  od
}
`;
}

function upTo(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}
