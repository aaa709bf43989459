/**
 * Power: what the hypervisor takes an SMMU to be (`power_is_off`), what its register CR0 says, and whether it has
 * power at all, which is the host's to decide and nobody's to check.
 *
 * CR0 has three values here: 0, CMDQEN (it consumes commands), and SMMUEN (it translates as well). The SMMU acts
 * on what it has acknowledged (CR0ACK). With 0 or CMDQEN it translates nothing: devices' accesses are aborted, for
 * GBPA.ABORT was looked at before the host lost its privileges (M51), and nobody but the hypervisor writes to it.
 *
 * Without power it does nothing; what it has in progress is lost. What comes back with the power is an assumption:
 * its registers, or a reset that blocks DMA, or one that lets it by. Its caches come back as they were: what is in
 * them after a loss of power is not known, and this is the worst of it.
 *
 * Where a scenario has no power (`power`), SMMUs are on and stay so.
 */
import {
  check,
  environmentRule,
  type Exit,
  type Node,
  panic,
  type Site,
  step,
  wait,
  when,
} from "../../checker/index.ts";
import { losesPowerUntold, powerSupply } from "../host-powers.ts";
import { type Machine, smmu } from "../machine.ts";
import { endings, type SmmuOf, smmuLane } from "./smmus.ts";
import { endTransaction } from "./transactions.ts";

/** The hardware assumptions that isolation rests on here; each can be switched off. */
export const powerAssumptions = {
  "power-keeps-registers":
    "An SMMU that has lost its power comes back with the registers that it had: retained, or restored by firmware.",
  "reset-blocks-dma": "An SMMU that was reset blocks DMA (GBPA.ABORT) until its registers are set.",
  "disabling-drains":
    "An SMMU acknowledges that it is disabled only when nothing that it translated is in progress.",
} as const;

/** The assumption that waits for the SMMU end well (smmu/command-queue.ts). */
const completesInTime = "sync-completes-in-time";

type Cr0 = Machine["smmus"][number]["power"][number]["cr0"];

/** Does the SMMU have power, and its registers? */
function isAlive(s: Machine, n: number): boolean {
  const { power } = s.smmus[n];
  return power.length === 0 || (!power[0].isDown && !power[0].isReset);
}

/** Does the SMMU translate: fetch, walk, and let devices' accesses by? */
export function isTranslating(s: Machine, n: number): boolean {
  const { power } = s.smmus[n];
  return power.length === 0 || (isAlive(s, n) && power[0].cr0ack === "SMMUEN");
}

/** Does the SMMU consume commands? */
export function isConsuming(s: Machine, n: number): boolean {
  const { power } = s.smmus[n];
  return power.length === 0 || (isAlive(s, n) && power[0].cr0ack !== "0");
}

/** Does the SMMU let devices' accesses by without translating them? */
export function isBypassing(s: Machine, n: number): boolean {
  const { power } = s.smmus[n];
  return power.length > 0 && !power[0].isDown && power[0].isReset && power[0].bypasses;
}

/** Does the hypervisor take the SMMU to be off? */
export function isTakenAsOff(s: Machine, n: number): boolean {
  const { power } = s.smmus[n];
  return power.length > 0 && power[0].isOff;
}

/** What is in progress ends, and nothing is known of how. */
function abortAll(s: Machine, n: number): void {
  const { transactions } = s.smmus[n];
  for (let k = 0; k < transactions.length; k++) endTransaction(transactions[k]);
}

function isBusy(s: Machine, n: number): boolean {
  const { transactions } = s.smmus[n];
  for (let k = 0; k < transactions.length; k++) if (transactions[k].doing.tag !== "nothing") return true;
  return false;
}

const acknowledge = "CR0: acknowledge";
const restore = "power: give back";
/** The steps by which an SMMU comes to answer: what a wait for it may have to wait for. */
export const awakenings: readonly string[] = [acknowledge, restore];

/** The commands of this part of a call, unless the SMMU is taken to be off: it is invalidated when it comes back. */
export function unlessOff<C>(
  purpose: string,
  of: SmmuOf<C>,
  mirrors: string,
  body: readonly Node<Machine, C>[],
): Node<Machine, C> {
  return when(`is the SMMU off?${purpose}`, (s, c, at) => isTakenAsOff(s, of(s, c, at)), [], body, {
    mirrors,
    mechanisms: ["M65"],
  });
}

/** smmu_write_cr0: the write, and the wait until it has taken effect. `look`: what the call does to find the register. */
export function writeCr0<C>(
  of: SmmuOf<C>,
  name: string,
  value: Cr0,
  mirrors: string,
  late: Exit<Machine, C> = panic("the SMMU did not acknowledge CR0 in time"),
  look: (s: Machine, c: C) => void = () => {},
): Node<Machine, C>[] {
  const isAcknowledged = (s: Machine, c: C, at: Site): boolean => {
    const { power } = s.smmus[of(s, c, at)];
    return power.length === 0 || power[0].cr0ack === value;
  };
  return [
    step(
      `CR0: ${name}`,
      (s, c, at) => {
        look(s, c);
        const { power } = s.smmus[of(s, c, at)];
        if (power.length > 0) power[0].cr0 = value;
      },
      { mirrors, arm: "CR0", mechanisms: ["M65", "M66"] },
    ),
    wait(
      `wait until CR0 is acknowledged: ${name}`,
      (s, c, at) => isAcknowledged(s, c, at) || !at.assumes(completesInTime),
      [...awakenings, ...endings],
      { mirrors, arm: "CR0ACK", mechanisms: ["M65"] },
    ),
    check(
      `CR0 is acknowledged: ${name}`,
      (s, c, at) => at.assumes(completesInTime) || isAcknowledged(s, c, at),
      late,
      { mirrors, mechanisms: ["M55"] },
    ),
  ];
}

/** Sets what the hypervisor takes the SMMU to be. */
export function takeAs<C>(of: SmmuOf<C>, isOff: boolean, mirrors: string): Node<Machine, C> {
  return step(
    `take the SMMU to be ${isOff ? "off" : "on"}`,
    (s, c, at) => {
      const { power } = s.smmus[of(s, c, at)];
      if (power.length > 0) power[0].isOff = isOff;
    },
    { mirrors, mechanisms: ["M58", "M65"] },
  );
}

/** An SMMU loses its power: one that the hypervisor takes to be off, or to be on. */
function losePower(name: string, isOff: boolean) {
  return environmentRule(
    name,
    { smmu },
    {
      lane: "host",
      power: powerSupply,
      origin: { arm: "loss of power" },
      when: (s: Machine, { smmu: n }) => {
        const { power } = s.smmus[n];
        return power.length > 0 && !power[0].isDown && power[0].isOff === isOff;
      },
      then: (s, { smmu: n }) => {
        s.smmus[n].power[0].isDown = true;
        abortAll(s, n);
      },
    },
  );
}

export const powerRules = [
  environmentRule(
    acknowledge,
    { smmu },
    {
      lane: smmuLane,
      origin: { arm: "CR0ACK", mechanisms: ["M65"] },
      when: (s: Machine, { smmu: n }, setting) => {
        const { power } = s.smmus[n];
        if (power.length === 0 || power[0].isDown || power[0].cr0 === power[0].cr0ack) return false;
        const disables = power[0].cr0ack === "SMMUEN";
        return !(disables && setting.assumes("disabling-drains") && isBusy(s, n));
      },
      then: (s, { smmu: n }) => {
        const { power } = s.smmus[n];
        power[0].cr0ack = power[0].cr0;
      },
    },
  ),
  losePower(losesPowerUntold, false),
  losePower("power: take away, as told", true),
  environmentRule(
    restore,
    { smmu },
    {
      lane: "host",
      power: powerSupply,
      origin: { arm: "retention" },
      when: (s: Machine, { smmu: n }) => s.smmus[n].power.length > 0 && s.smmus[n].power[0].isDown,
      then: (s, { smmu: n }) => {
        s.smmus[n].power[0].isDown = false;
      },
    },
  ),
  environmentRule(
    "power: give back, after a reset",
    { smmu },
    {
      lane: "host",
      power: powerSupply,
      origin: { arm: "reset, GBPA", mechanisms: ["M67"] },
      when: (s: Machine, { smmu: n }, setting) =>
        s.smmus[n].power.length > 0 &&
        s.smmus[n].power[0].isDown &&
        !setting.assumes("power-keeps-registers"),
      then: (s, { smmu: n }, setting) => {
        const [power] = s.smmus[n].power;
        power.isDown = false;
        power.isReset = true;
        power.cr0 = "0";
        power.cr0ack = "0";
        power.bypasses = !setting.assumes("reset-blocks-dma");
      },
    },
  ),
];
