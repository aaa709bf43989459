/**
 * The part of the page's address after the `#`: the model, the actions taken, and how many of them are shown. It is
 * all that a page needs to come to the same state again.
 */
import type { Route } from "../engine/protocol.ts";

export interface Address {
  readonly route: Route;
  /** How many steps are behind the state that is shown. */
  readonly cursor: number;
}

export function formatAddress({ route, cursor }: Address): string {
  const { target, initial, path } = route;
  const words = new URLSearchParams({ design: target.design, scenario: target.scenario, size: target.size });
  if (target.powersOff.length > 0) words.set("without", target.powersOff.join(","));
  if (target.assumptionsOff.length > 0) words.set("not-assuming", target.assumptionsOff.join(","));
  if (initial !== 0) words.set("initial", String(initial));
  words.set("path", path.join("."));
  words.set("at", String(cursor));
  return `#${words.toString()}`;
}

/** Reads an address; `null` where it names no model. */
export function parseAddress(hash: string): Address | null {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const [design, scenario, size] = ["design", "scenario", "size"].map((name) => words.get(name));
  if (!design || !scenario || !size) return null;
  const listOf = (name: string) => (words.get(name) ?? "").split(",").filter((word) => word !== "");
  const path = (words.get("path") ?? "")
    .split(".")
    .filter((word) => /^\d+$/.test(word))
    .map(Number);
  const at = Number(words.get("at") ?? path.length);
  return {
    route: {
      target: {
        design,
        scenario,
        size,
        powersOff: listOf("without"),
        assumptionsOff: listOf("not-assuming"),
      },
      initial: Number(words.get("initial") ?? 0) || 0,
      path,
    },
    cursor: Number.isInteger(at) ? Math.max(0, Math.min(at, path.length)) : path.length,
  };
}
