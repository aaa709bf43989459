/** Bounds that scenarios begin with. */

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
  gap: 0,
  recordedPage: 0,
  vmTable: 0,
} as const;

/** Two CPUs, and one of all else that it takes to map a page and to give it away. */
export const onePage = {
  ...absent,
  cpu: 2,
  smmu: 1,
  page: 1,
  domain: 1,
  device: 1,
  iova: 1,
  guest: 1,
  slot: 2,
  position: 4,
  transaction: 1,
  count: 1,
  references: 3,
  domainReferences: 4,
} as const;
