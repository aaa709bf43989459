/** Every weakening, by theme. */
import { commandWeakenings } from "./commands.ts";
import { domainWeakenings } from "./domains.ts";
import { guestWeakenings } from "./guests.ts";
import { pageTableWeakenings } from "./page-tables.ts";
import { pageWeakenings } from "./pages.ts";
import { tableWeakenings } from "./tables.ts";
import { listWeakenings } from "./lists.ts";
import { tagWeakenings } from "./tags.ts";
import type { Weakening } from "./weakening.ts";

export const weakenings: readonly Weakening[] = [
  ...pageWeakenings,
  ...guestWeakenings,
  ...pageTableWeakenings,
  ...tableWeakenings,
  ...domainWeakenings,
  ...commandWeakenings,
  ...tagWeakenings,
  ...listWeakenings,
];
