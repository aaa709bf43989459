/**
 * Parts of the machine that a scenario has only when its bounds say so. Where a part has none, its state takes
 * no bit, its rules have no instance, and the checks and steps of calls that concern it are passed over.
 */
export const absent = {
  stream: 0,
  level1: 0,
  unaligned: 0,
  stage1: 0,
  asid: 0,
  descriptor: 0,
  pasid: 0,
  lifetime: 0,
  list: 0,
  poolPage: 0,
  guestPage: 0,
  commandError: 0,
  batch: 0,
  store: 0,
  nonCoherent: 0,
  power: 0,
  history: 0,
  performed: 0,
  malformed: 0,
  contents: 0,
  word: 0,
  tableEntry: 0,
  rootEntry: 0,
  tablePage: 0,
  block: 0,
  vmTable: 0,
} as const;
