/**
 * What pages hold, where a scenario has contents: one word each. A guest and the hypervisor write words of their own
 * to their pages; a device that reads hands the host what it read. What the host writes it knows: that stays 0.
 *
 * Nothing that the machine does depends on a word, and no property but secrecy looks at one: two runs that differ in
 * the words of guests and of the hypervisor must look the same to the host (`dmaspec noninterference`).
 */
import { environmentRule, type Secrecy, sort } from "../checker/index.ts";
import { doesPermit, mayReach } from "../spec/reach.ts";
import { type Machine, page, smmu, transaction } from "./machine.ts";

/** A word that an owner writes to its page. None where pages have no contents. */
const word = sort("word", "a word that a guest or the hypervisor writes");

export const contentsRules = [
  environmentRule(
    "owner: write to the page",
    { page, word },
    {
      lane: "guest or hypervisor",
      origin: { arm: "store of a PE" },
      when: (s: Machine, { page: p }) =>
        s.pages[p].contents.length > 0 &&
        (s.pages[p].guestState === "OWNED" || (s.pages[p].hypState === "OWNED" && p >= s.pool.length)),
      then: (s, { page: p, word: w }) => {
        s.pages[p].contents[0].word = w + 1;
      },
    },
  ),
  environmentRule(
    "access: read the page",
    { smmu, transaction },
    {
      lane: "device",
      origin: { arm: "client device transaction" },
      when: (s: Machine, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        return s.read.length > 0 && doing.tag === "access" && doesPermit(doing.permission, "read");
      },
      then: (s, { smmu: n, transaction: k }) => {
        const { doing } = s.smmus[n].transactions[k];
        if (doing.tag === "access") s.read[0].word = s.pages[doing.page].contents[0].word;
      },
    },
  ),
];

/** The words of guests and of the hypervisor are theirs: the host sees the pages that it may access. */
export const secrecy: Secrecy<Machine> = {
  sentence: "The host and its devices cannot tell what guests and the hypervisor keep in their pages.",
  hidden: (bounds) =>
    Array.from({ length: bounds.page }, (_, p) => ({
      path: `pages[${p}].contents`,
      isHidden: (s: Machine) => !mayReach({ tag: "host" }, s.pages[p], "read"),
    })),
  secretArguments: ["word"],
};
