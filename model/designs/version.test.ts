import { expect, test } from "vitest";
import { edit, procedure, step } from "../../checker/index.ts";
import { bodiesOf, type Node } from "../../checker/model/procedure.ts";
import type { Machine } from "../machine.ts";
import { pv2025Hypercalls } from "./pv-2025.ts";
import { pvAndroid15Hypercalls } from "./pv-android15.ts";
import { pvAndroid16Hypercalls } from "./pv-android16.ts";
import { pvRfc1Hypercalls } from "./pv-rfc1.ts";
import { inVersion } from "./version.ts";

test("an origin is retold in the words of the version, each function once", () => {
  const call = procedure<Machine, Record<never, never>>("call", { args: {} }, [
    step("a", () => {}, { mirrors: "old_name (v2 12/58), same_name (v2)" }),
    step("b", () => {}, { mirrors: "no_version, there_already (v1)" }),
    step("c", () => {}, { mirrors: "old_name (v2), new_name (v2)" }),
  ]);
  const { body } = edit(call, inVersion("v1", { old_name: "new_name" }));
  const mirrors = body.map((node) => ("origin" in node ? node.origin.mirrors : undefined));
  expect(mirrors).toEqual([
    "new_name (v1), same_name (v1)",
    "no_version, there_already (v1)",
    "new_name (v1)",
  ]);
});

const nodesIn = (nodes: readonly Node<Machine, unknown>[]): Node<Machine, unknown>[] =>
  nodes.flatMap((node) => [node, ...bodiesOf(node).flatMap((body) => nodesIn(body))]);

test.for([
  ["v1", pvRfc1Hypercalls],
  ["android15", pvAndroid15Hypercalls],
  ["android16", pvAndroid16Hypercalls],
  // What was not read again in this version is that of the posting's base.
  [
    "2025",
    pv2025Hypercalls.filter(({ name }) => /map_pages|donate_guest|_domain|_dev|iova_to_phys/.test(name)),
  ],
] as const)("every step of the design of %s names functions of that version", ([version, calls]) => {
  const others = calls.flatMap((call) =>
    nodesIn(call.body).flatMap((node) => {
      const named = "origin" in node ? (node.origin.mirrors ?? "") : "";
      const versions = [...named.matchAll(/\(([^)]*)\)/g)].map(([, of]) => of);
      return versions.every((of) => of === version) ? [] : [`${call.name}: ${node.name}: ${named}`];
    }),
  );
  expect(others).toEqual([]);
});
