/**
 * Which SMMU: the one that a device is behind, and the one that a call talks to.
 */
import { isValid } from "../../checker/index.ts";
import { type DomainIndex, type Machine, smmu, type SmmuIndex, type StreamIndex } from "../machine.ts";
import { domainOf } from "../tables.ts";

type Bounds = Readonly<Record<string, number>>;

export const abandon = "walk: abandon";
export const end = "access: end";
export const drop = "STE: drop";
export const dropDescriptor = "CD: drop";
/** The steps by which what an SMMU has in progress ends, so that it need not be waited for any more. */
export const endings: readonly string[] = [abandon, end, drop, dropDescriptor];

/** The SMMU that a device, and its stream, is behind. */
export function smmuOfDevice(s: Machine, by: number): SmmuIndex {
  return smmu.at(by % s.smmus.length);
}

/** The lane of an SMMU's steps: with its number where there are several. */
export function smmuLane({ smmu: n }: { readonly smmu: number }, { smmu: count }: Bounds): string {
  return count > 1 ? `SMMU ${n}` : "SMMU";
}

/** The lane of the steps that the SMMU before a device takes for it. */
export function smmuLaneOfDevice(
  { device: by }: { readonly device: number },
  { smmu: count }: Bounds,
): string {
  return smmuLane({ smmu: by % count }, { smmu: count });
}

/** Chooses the SMMU that a call talks to; `self` is the CPU that it runs on. */
export type SmmuOf<C> = (s: Machine, c: C, at: { readonly self: number }) => SmmuIndex;

interface DomainFrame {
  readonly domain: DomainIndex | string;
  readonly smmu?: SmmuIndex | null;
  readonly visited?: number;
}

/** The SMMU of the call's stream. */
export function smmuOfStream(s: Machine, c: { readonly stream: StreamIndex | string }): SmmuIndex {
  return smmuOfDevice(s, isValid(c.stream) ? c.stream : 0);
}

/**
 * The SMMU that the call talks to about the domain. The source reads the pointer to it once, before it takes the SMMU's
 * lock: so, of several, it is the one whose lock the CPU holds, wherever the domain is bound by then. Else it is the
 * one that the call has come to in the domain's list (its local `visited`), the one that the call read from the domain
 * (its local `smmu`), or the one that the domain is bound to. Where domains live
 * for ever, domain `d` is that of the devices `d`, `d` plus the number of domains, ..., which are behind one SMMU (in
 * the scenarios of this slice).
 */
export function smmuOfDomain(s: Machine, c: DomainFrame, { self }: { readonly self: number }): SmmuIndex {
  if (s.smmus.length > 1) {
    for (let n = 0; n < s.smmus.length; n++) if (s.smmus[n].iommuLock.holder === self) return smmu.at(n);
  }
  const read = c.smmu ?? null;
  if (read !== null) return read;
  const of = domainOf(c.domain);
  if (c.visited !== undefined && s.lifetimes.length > 0 && s.lifetimes[of].list.length > 0)
    return smmu.at(c.visited);
  return s.lifetimes.length > 0 ? (s.lifetimes[of].smmu ?? smmu.at(0)) : smmuOfDevice(s, of);
}
