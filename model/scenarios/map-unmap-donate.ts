/**
 * map-unmap-donate: mapping and unmapping against each other and against changes of ownership.
 *
 * The host may call anything from any CPU with any arguments. Which of that exists here is said below, each
 * restriction with its reason; what a size leaves out, it cannot show.
 *
 * Common to both sizes:
 * - CPUs are interchangeable, so that what one CPU may do and the other may not costs only the pairs in which
 *   both do it: changes of ownership, invalid arguments and calls over two pages come from CPU 1 alone.
 * - Pages are interchangeable too: one changes hands, the other one stays the host's and is mapped only.
 * - Invalid arguments come one at a time, in a call that is otherwise the plain one.
 * - Both devices are attached and reach what the domain maps; accesses in progress are those of the first,
 *   for the second one's would be the same.
 * - How a page is mapped follows from the page: whether entries permit writing changes no step.
 * - Counters are as narrow as the calls of a design without leaks allow; one that leaks meets the BUG on their
 *   overflow after a few calls, not after thousands (pages) or milliards (domains) as on a machine.
 */
import type { Scenario, Scope } from "../../checker/index.ts";
import { absent } from "./absent.ts";
import type { Args } from "./calls.ts";
import { withoutCommands, withoutTables, withoutLifetimes } from "./themes.ts";

/** The page that changes hands; the other one stays the host's. */
const moving = 1;

/** Maps of the page that stays are read-only, those of the page that moves are for reading and writing. */
function protOf(page: unknown): string {
  return page === moving ? "read and write" : "read";
}

/** The plain call: every argument that is not the one tried out. */
const plain: Args = { domain: 0, iova: 0, page: 0, count: 1, prot: protOf(0), vm: 0 };

/** No well-behaved host passes these. */
const invalid: readonly unknown[] = [
  "out of range",
  "unallocated",
  "unaligned",
  "wrapping",
  "not memory",
  "nothing",
  "unknown bits",
];

/** One invalid argument of each kind: the others are refused by checks of the same shape. */
const fewInvalid: readonly (readonly [argument: string, value: unknown])[] = [
  ["domain", "unallocated"],
  ["iova", "unaligned"],
  ["iova", "out of range"],
  ["page", "not memory"],
  ["count", 0],
  ["prot", "nothing"],
];

/** The arguments that are invalid, by name. */
function invalidOf(args: Args): string[] {
  return Object.keys(args).filter(
    (name) => invalid.includes(args[name]) || (name === "count" && args.count === 0),
  );
}

/** Is this the plain call but for one argument? */
function isPlainBut(args: Args, name: string): boolean {
  return Object.keys(plain).every(
    (other) => other === name || !(other in args) || args[other] === plain[other],
  );
}

/** Here domains live for ever, devices stay attached, and no call allocates: there is no call for it. */
const calls: readonly string[] = [
  "map_pages",
  "unmap_pages",
  "host_donate_guest",
  "host_reclaim_page",
  "host_donate_hyp",
  "host_share_hyp",
  "host_unshare_hyp",
];

/** Is it a step of a call that this scenario does not have? */
function isForeign(action: string, args: Args): boolean {
  if (action === "consume TLBI of an id" || action === "consume CFGI") return true;
  if (action.startsWith("STE: ") || action === "walk: read the entry for a stream") return true;
  if (action === "walk: read an entry that the hypervisor did not write") return true;
  return "cpu" in args && !calls.includes(action.split(":")[0]);
}

/** Calls that move pages between owners, or lend them. */
const transitions: readonly string[] = [
  "host_donate_guest",
  "host_reclaim_page",
  "host_donate_hyp",
  "host_share_hyp",
  "host_unshare_hyp",
];

/**
 * tiny: one entry at a time. Only the first iova is translated; the second one is mapped by calls over two
 * pages, which succeed in part where it is taken. Without calls that unmap two pages, no call ever waits for
 * room in the command queue: what goes wrong there shows in `paper`.
 */
function allowsTiny(action: string, args: Args): boolean {
  if (isForeign(action, args)) return false;
  const [bad, ...more] = invalidOf(args);
  if (bad !== undefined) {
    const isChosen = fewInvalid.some(([name, value]) => name === bad && value === args[name]);
    return isChosen && more.length === 0 && isPlainBut(args, bad) && args.cpu === 1;
  }
  if (transitions.includes(action)) return args.cpu === 1 && args.page === moving;
  switch (action) {
    case "map_pages":
      if (args.iova !== 0 || args.prot !== protOf(args.page)) return false;
      return args.count === 1 || args.cpu === 1;
    case "unmap_pages":
      return args.count === 1;
    case "walk: read the entry":
      return args.iova === 0;
    default:
      return args.device !== 1;
  }
}

/** paper: every iova, calls that unmap two pages, and so a queue in which calls wait for room. */
function allowsPaper(action: string, args: Args): boolean {
  if (isForeign(action, args)) return false;
  const [bad, ...more] = invalidOf(args);
  if (bad !== undefined) return more.length === 0 && isPlainBut(args, bad) && args.cpu === 1;
  if (transitions.includes(action)) return args.cpu === 1 && args.page === moving;
  switch (action) {
    case "map_pages":
      return args.prot === protOf(args.page) && (args.count === 1 || args.cpu === 1);
    case "unmap_pages":
      return args.count === 1 || args.cpu === 1;
    default:
      return args.device !== 1;
  }
}

const bounds = {
  ...absent,
  cpu: 2,
  smmu: 1,
  page: 2,
  domain: 1,
  device: 2,
  iova: 2,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 2,
  references: 4,
  domainReferences: 5,
} as const;

const tiny: Scope = {
  bounds,
  allows: allowsTiny,
  without: [...withoutTables, ...withoutLifetimes, ...withoutCommands],
};
const paper: Scope = {
  bounds: { ...bounds, references: 5 },
  allows: allowsPaper,
  without: [...withoutTables, ...withoutLifetimes, ...withoutCommands],
};

export const mapUnmapDonate: Scenario = {
  name: "map-unmap-donate",
  sentence:
    "Two CPUs map and unmap pages of one domain with two devices while a page is donated, shared and reclaimed: shows races of these calls with each other and with the SMMU's TLB, walks and accesses; cannot show what takes three CPUs, a second domain, table pages, or stores that the SMMU sees late",
  sizes: { tiny, paper },
};
