/**
 * Stage 1: the device's entry leads to a table of context descriptors, one for each PASID; descriptor 0 is the device's
 * own. A domain's id is then the ASID in the descriptor.
 */
import { check, jump, leave, type Node, returns, step, when } from "../../checker/index.ts";
import type { DomainIndex, Machine, StreamIndex } from "../machine.ts";
import { sendCommand } from "../smmu/command-queue.ts";
import { delayZeroing, storeTable } from "../smmu/late-stores.ts";
import { smmuOfStream } from "../smmu/smmus.ts";
import { descriptorInvalidationOf } from "../smmu/stream-table.ts";
import {
  contextOf,
  descriptorOf,
  domainOf,
  freePageOf,
  isStage1,
  lifetimeOf,
  lookAtStream,
  streamOf,
} from "../tables.ts";
import type { PageIndex } from "../../spec/ownership.ts";

export interface Stage1Frame {
  stream: StreamIndex | "one past the end" | "out of range";
  domain: DomainIndex | "out of range" | "unallocated";
  pasid: number;
  found: PageIndex | null;
  isAllowed: boolean;
}
type Descriptor = NonNullable<ReturnType<typeof descriptorOf>>;

const config = "smmu_domain_config_s1 (v2)";
const detach = "smmu_detach_dev (v2 36/58)";

/** The descriptor that the stream's entry has for the call's PASID; null where there is none. */
export function descriptorAt(s: Machine, c: Pick<Stage1Frame, "stream" | "pasid">): Descriptor | null {
  const of = contextOf(s, c.stream);
  return of === null ? null : descriptorOf(s, of, c.pasid);
}

/** A CPU changes the descriptor for the call's PASID: where there is none, what lies behind the table. */
function changeDescriptor(
  s: Machine,
  c: Pick<Stage1Frame, "stream" | "pasid">,
  change: (of: Descriptor) => void,
): void {
  const at = descriptorAt(s, c);
  if (at === null) s.wildAccess = "context descriptors";
  else change(at);
}

/**
 * May the device be attached? Its entry is not in use; or it is of stage 1, and a further PASID is asked for.
 * `replaces`: the device's own descriptor may be asked for again.
 */
export function mayAttach(
  s: Machine,
  c: Pick<Stage1Frame, "stream" | "domain" | "pasid">,
  replaces = false,
): boolean {
  const isFree = lookAtStream(s, c.stream).word === null;
  if (!isStage1(s, c.domain)) return isFree && contextOf(s, c.stream) === null && c.pasid === 0;
  return isFree && (replaces || c.pasid > 0 || contextOf(s, c.stream) === null);
}

/** Is another descriptor than the device's own valid? */
export function hasSubstreams(s: Machine, c: Pick<Stage1Frame, "stream">): boolean {
  const of = contextOf(s, c.stream);
  if (of === null) return false;
  const { descriptors } = s.pool[of];
  for (let n = 1; n < descriptors.length; n++) if (descriptors[n].word !== null) return true;
  return false;
}

/** Is the call's PASID of the stream attached to the call's domain, and may it be detached? */
export function mayDetach(s: Machine, c: Pick<Stage1Frame, "stream" | "domain" | "pasid">): boolean {
  const of = lookAtStream(s, c.stream);
  const asked = domainOf(c.domain);
  if (!isStage1(s, c.domain)) return of.word === asked;
  const at = descriptorAt(s, c);
  return at !== null && at.word === asked && (c.pasid > 0 || !hasSubstreams(s, c));
}

/** CFGI_CD and SYNC: afterwards the SMMU knows nothing of the descriptor but what it fetches from now on. */
function forgetDescriptor<C extends Stage1Frame>(purpose: string): Node<Machine, C>[] {
  return [
    sendCommand<C>(smmuOfStream, purpose, "smmu_sync_cd, smmu_send_cmd (android16)", [
      "CFGI",
      (_, c) => descriptorInvalidationOf(c.stream, c.pasid),
      "CMD_CFGI_CD",
    ]),
  ];
}

/** attach_dev of a domain of stage 1, once it has its page table. */
export function attachStage1<C extends Stage1Frame>(
  forgetStream: (purpose: string, mechanisms?: readonly string[]) => Node<Machine, C>[],
): Node<Machine, C> {
  const refused = jump<Machine, C>("put the domain");
  return when(
    "is the domain of stage 1?",
    (s, c) => isStage1(s, c.domain),
    [
      when(
        "is it the device's own descriptor?",
        (_, c) => c.pasid === 0,
        [
          step(
            "take a page from the pool for the descriptors",
            (s, c) => {
              c.found = freePageOf(s);
              if (c.found !== null) s.pool[c.found].use = "table";
            },
            { mirrors: "smmu_alloc_cd (v2)", mechanisms: ["M23", "M24"] },
          ),
          check("the pool had a page for the descriptors", (_, c) => c.found !== null, refused, {
            mirrors: "smmu_alloc_cd (v2)",
          }),
          step(
            "write the other words of the first descriptor",
            (s, c) => {
              const at = c.found === null ? null : descriptorOf(s, c.found, 0);
              if (at !== null) at.table = lifetimeOf(s, c.domain)?.root ?? null;
            },
            { mirrors: config, arm: "CD.TTB0" },
          ),
          step(
            "write word 0 of the first descriptor",
            (s, c) => {
              const at = c.found === null ? null : descriptorOf(s, c.found, 0);
              if (at !== null) at.word = domainOf(c.domain);
            },
            { mirrors: config, arm: "CD.V, CD.ASID", mechanisms: ["M48"] },
          ),
          step(
            "write the other words of an entry of stage 1",
            (s, c, { self }) => storeTable(streamOf(s, c.stream), self, null),
            { mirrors: "smmu_attach_dev (v2)", arm: "STE.S1DSS", mechanisms: ["M45"] },
          ),
          ...forgetStream(" for the other words of stage 1"),
          step(
            "write word 0 of an entry of stage 1",
            (s, c) => {
              streamOf(s, c.stream).contexts[0].word = c.found;
              c.found = null;
            },
            {
              mirrors: "smmu_attach_dev (v2)",
              arm: "STE.V, STE.S1ContextPtr, STE.S1CDMax",
              mechanisms: ["M36", "M45"],
            },
          ),
          ...forgetStream(" for word 0 of stage 1", ["M47", "M55"]),
        ],
        [
          check("the device is attached with stage 1", (s, c) => contextOf(s, c.stream) !== null, refused, {
            mirrors: config,
          }),
          check("the PASID is in the table of descriptors", (s, c) => descriptorAt(s, c) !== null, refused, {
            mirrors: config,
            mechanisms: ["M49"],
          }),
          check(
            "the descriptor is not in use",
            (s, c) => (descriptorAt(s, c)?.word ?? null) === null,
            refused,
            { mirrors: config, mechanisms: ["M48"] },
          ),
          step(
            "write the other words of the descriptor",
            (s, c) => {
              const root = lifetimeOf(s, c.domain)?.root ?? null;
              changeDescriptor(s, c, (of) => {
                of.table = root;
              });
            },
            { mirrors: config, arm: "CD.TTB0", mechanisms: ["M48"] },
          ),
          ...forgetDescriptor<C>(" for the other words of the descriptor"),
          step(
            "write word 0 of the descriptor",
            (s, c) => {
              const asid = domainOf(c.domain);
              changeDescriptor(s, c, (of) => {
                of.word = asid;
              });
            },
            { mirrors: config, arm: "CD.V, CD.ASID", mechanisms: ["M36", "M48"] },
          ),
          ...forgetDescriptor<C>(" for word 0 of the descriptor"),
        ],
        { mirrors: config },
      ),
      leave(jump("the device translates")),
    ],
    [],
    { mirrors: "smmu_attach_dev (v2)" },
  );
}

/** detach_dev of a PASID: its descriptor only. `to`: where the call goes on. */
export function detachSubstream<C extends Stage1Frame>(to = "the device is detached"): Node<Machine, C> {
  return when(
    "is it a substream?",
    (s, c) => isStage1(s, c.domain) && c.pasid > 0,
    [
      step(
        "clear word 0 of the descriptor",
        (s, c) => {
          changeDescriptor(s, c, (of) => {
            of.word = null;
          });
        },
        { mirrors: detach, arm: "CD.V", mechanisms: ["M46"] },
      ),
      ...forgetDescriptor<C>(" for word 0 of the descriptor"),
      step(
        "clear the other words of the descriptor",
        (s, c) => {
          changeDescriptor(s, c, (of) => {
            of.table = null;
          });
        },
        { mirrors: detach, arm: "CD.TTB0", mechanisms: ["M46"] },
      ),
      ...forgetDescriptor<C>(" for the other words of the descriptor"),
      leave(jump(to)),
    ],
    [],
    { mirrors: detach },
  );
}

/** detach_dev of the device itself: its table of descriptors goes back to the pool, when the entry is forgotten. */
export function freeDescriptors<C extends Stage1Frame>(): Node<Machine, C> {
  return when(
    "did the entry lead to descriptors?",
    (_, c) => c.found !== null,
    [
      step(
        "give the descriptors back to the pool",
        (s, c, { self }) => {
          if (c.found === null) return;
          const of = s.pool[c.found];
          delayZeroing(s, self, c.found);
          of.use = "free";
          for (let n = 0; n < of.descriptors.length; n++) {
            of.descriptors[n].word = null;
            of.descriptors[n].table = null;
          }
          c.found = null;
        },
        { mirrors: "smmu_free_cd (v2)", mechanisms: ["M24", "M29", "M46"] },
      ),
    ],
    [],
    { mirrors: detach },
  );
}

/** What the posting asks of a domain of stage 1 before it clears anything; nothing of whose the descriptor is. */
export const asksOfStage1: readonly Node<Machine, Stage1Frame>[] = [
  check(
    "the PASID is in the table of descriptors",
    (s, c) => !isStage1(s, c.domain) || c.pasid === 0 || descriptorAt(s, c) !== null,
    returns("E2BIG"),
    { mirrors: detach, mechanisms: ["M49"] },
  ),
  check(
    "no substream is attached",
    (s, c) => !isStage1(s, c.domain) || c.pasid > 0 || !hasSubstreams(s, c),
    returns("EINVAL"),
    { mirrors: detach, mechanisms: ["M46"] },
  ),
];
