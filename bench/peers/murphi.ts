/**
 * dma-core for Rumur, in Murphi: the same transition system as checker/examples/dma-core.ts, one rule for each
 * kind of transition, without symmetry.
 */
import { dmaCoreLabels } from "../../checker/examples/dma-core.ts";
import type { DmaCoreSize } from "./sizes.ts";

/** The model's text. 0 stands for no page and for a free lock, as in the model's own description. */
export function dmaCoreInMurphi({ pages, iovas, cpus }: DmaCoreSize): string {
  const rule = (label: string, guard: string, effect: string): string =>
    `  rule "${label}" pc[c] = ${label}${guard} ==> begin ${effect} endrule;`;
  const take = (label: string, lock: string, next: string): string =>
    rule(label, ` & ${lock} = 0`, `${lock} := c + 1; pc[c] := ${next};`);
  const give = (label: string, lock: string, next: string): string =>
    rule(label, "", `${lock} := 0; pc[c] := ${next};`);
  const end = (label: string, lock: string): string =>
    rule(label, "", `${lock} := 0; li[c] := 0; lp[c] := 0; pc[c] := IDLE;`);
  return `type
  page: 0..${pages - 1};
  iova: 0..${iovas - 1};
  cpu: 0..${cpus - 1};
  label: enum { ${dmaCoreLabels.join(", ")} };
  owner: enum { HOST, GUEST, HYP };
var
  own: array[page] of owner;
  ref: array[page] of 0..${iovas};
  pte: array[iova] of 0..${pages};
  tlb: array[iova] of 0..${pages};
  q: array[iova] of boolean;
  hl: 0..${cpus};
  il: 0..${cpus};
  pc: array[cpu] of label;
  li: array[cpu] of iova;
  lp: array[cpu] of page;

startstate begin
  for p: page do own[p] := HOST; ref[p] := 0; endfor;
  for i: iova do pte[i] := 0; tlb[i] := 0; q[i] := false; endfor;
  hl := 0; il := 0;
  for c: cpu do pc[c] := IDLE; li[c] := 0; lp[c] := 0; endfor;
endstartstate;

ruleset c: cpu do
  ruleset i: iova; p: page do
    rule "MAP" pc[c] = IDLE ==> begin pc[c] := M1; li[c] := i; lp[c] := p; endrule;
  endruleset;
  ruleset i: iova do
    rule "UNMAP" pc[c] = IDLE ==> begin pc[c] := U1; li[c] := i; endrule;
  endruleset;
  ruleset p: page do
    rule "DONATE" pc[c] = IDLE ==> begin pc[c] := D1; lp[c] := p; endrule;
    rule "RECLAIM" pc[c] = IDLE ==> begin pc[c] := R1; lp[c] := p; endrule;
  endruleset;
${take("M1", "il", "M2")}
${take("M2", "hl", "M3")}
${rule("M3", "", `if own[lp[c]] = HOST & ref[lp[c]] < ${iovas} then ref[lp[c]] := ref[lp[c]] + 1; pc[c] := M4; else pc[c] := M4F; endif;`)}
${give("M4", "hl", "M5")}
${give("M4F", "hl", "REL")}
${rule("M5", "", "if pte[li[c]] = 0 then pte[li[c]] := lp[c] + 1; pc[c] := REL; else pc[c] := U5; endif;")}
${take("U1", "il", "U2")}
${rule("U2", "", "if pte[li[c]] = 0 then pc[c] := REL; else lp[c] := pte[li[c]] - 1; pte[li[c]] := 0; pc[c] := U3; endif;")}
${rule("U3", "", "q[li[c]] := true; pc[c] := U4;")}
${rule("U4", " & !q[li[c]]", "pc[c] := U5;")}
${take("U5", "hl", "U6")}
${rule("U6", "", "ref[lp[c]] := ref[lp[c]] - 1; pc[c] := U7;")}
${give("U7", "hl", "REL")}
${end("REL", "il")}
${take("D1", "hl", "D2")}
${rule("D2", "", "if own[lp[c]] = HOST & ref[lp[c]] = 0 then own[lp[c]] := GUEST; endif; pc[c] := D3;")}
${end("D3", "hl")}
${take("R1", "hl", "R2")}
${rule("R2", "", "if own[lp[c]] = GUEST then own[lp[c]] := HOST; endif; pc[c] := D3;")}
endruleset;

ruleset i: iova do
  rule "DMA" pte[i] != 0 & tlb[i] = 0 ==> begin tlb[i] := pte[i]; endrule;
  rule "TLBI" q[i] ==> begin tlb[i] := 0; q[i] := false; endrule;
endruleset;

function uses(p: page): 0..${iovas + cpus};
var n: 0..${iovas + cpus};
begin
  n := 0;
  for i: iova do if pte[i] = p + 1 then n := n + 1; endif; endfor;
  for c: cpu do
    if lp[c] = p & (pc[c] = M4 | pc[c] = M5 | pc[c] = U3 | pc[c] = U4 | pc[c] = U5 | pc[c] = U6) then
      n := n + 1;
    endif;
  endfor;
  return n;
end;

invariant "mapped pages are the host's" forall i: iova do pte[i] = 0 | own[pte[i] - 1] = HOST endforall;
invariant "cached pages are the host's" forall i: iova do tlb[i] = 0 | own[tlb[i] - 1] = HOST endforall;
invariant "uses are counted" forall p: page do ref[p] = uses(p) endforall;
`;
}
