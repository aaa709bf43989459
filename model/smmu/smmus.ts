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

/** Chooses the SMMU that a call talks to. */
export type SmmuOf<C> = (s: Machine, c: C) => SmmuIndex;

interface DomainFrame {
  readonly domain: DomainIndex | string;
  readonly smmu?: SmmuIndex | null;
}

/** The SMMU of the call's stream. */
export function smmuOfStream(s: Machine, c: { readonly stream: StreamIndex | string }): SmmuIndex {
  return smmuOfDevice(s, isValid(c.stream) ? c.stream : 0);
}

/**
 * The SMMU that the call read from the domain (its local `smmu`), or else the one that the domain is bound to. Where domains live for ever, domain `d` is that of the devices
 * `d`, `d` plus the number of domains, ..., which are behind one SMMU (in the scenarios of this slice).
 */
export function smmuOfDomain(s: Machine, c: DomainFrame): SmmuIndex {
  const read = c.smmu ?? null;
  if (read !== null) return read;
  const of = domainOf(c.domain);
  return s.lifetimes.length > 0 ? (s.lifetimes[of].smmu ?? smmu.at(0)) : smmuOfDevice(s, of);
}
