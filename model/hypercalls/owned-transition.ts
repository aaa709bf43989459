/**
 * What every transition of a page asks that takes it from the host, whole or shared.
 */
import { check, type FrameOf, type Node, refuse } from "../../checker/index.ts";
import type { Machine, registers } from "../machine.ts";
import { pageOf } from "../tables.ts";

type PageFrame = FrameOf<Pick<typeof registers, "page">, Record<never, never>>;

/** host_request_owned_transition: the page is not used for DMA, and the host's own. `mechanisms` carry the first. */
export function requestOwned<C extends PageFrame>(mechanisms: readonly string[]): Node<Machine, C>[] {
  return [
    check(
      "the page is not used for DMA",
      (s, c) => (pageOf(s, c.page)?.references ?? 0) === 0,
      refuse("EINVAL"),
      { mirrors: "is_range_refcounted (v2 12/58)", sekvm: "smmu_count", mechanisms },
    ),
    check(
      "the host owns the page",
      (s, c) => (pageOf(s, c.page)?.hostState ?? "OWNED") === "OWNED",
      refuse("EPERM"),
      { mirrors: "host_request_owned_transition (v2 12/58)" },
    ),
  ];
}
