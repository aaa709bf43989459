/**
 * Which version a design's text is of: its steps name the functions of that version.
 */
import { type Edit, retold } from "../../checker/index.ts";
import type { Machine } from "../machine.ts";

/**
 * Retells every origin in the words of a version. A function that `others` does not name has the same name
 * there: only the version in parentheses changes. What already names the version stays.
 */
export function inVersion(version: string, others: Readonly<Record<string, string>>): Edit<Machine> {
  return retold((mirrors) =>
    mirrors
      .split(/,\s+/)
      .map((named) => {
        const [, name, of] = /^(\S+)(?: \((.*)\))?$/.exec(named) ?? [null, named, undefined];
        return of === undefined || of.startsWith(version) ? named : `${others[name] ?? name} (${version})`;
      })
      .filter((named, i, all) => all.indexOf(named) === i)
      .join(", "),
  );
}
