/**
 * How the literal designs switch an SMMU off and on, as edits of pv's hvc_pd. None returns what became of it.
 *
 * - v1 and v2 note it, and do nothing to the SMMU.
 * - android15 notes it first, then disables or resets the SMMU, and takes the note back where that fails. (That its
 *   smmu_suspend and smmu_resume are those of android16 is not confirmed.)
 * - android16 disables or resets first, and notes it where that succeeds. A reset that fails at a command disables
 *   the SMMU, and returns what became of that.
 * - 2025 notes it first, and looks at no result.
 */
import {
  addLocals,
  edit,
  type Edit,
  jump,
  label,
  leave,
  mirrors,
  type Node,
  replaceStep,
  returns,
  step,
  when,
} from "../../checker/index.ts";
import { hvcPd, type HvcPdFrame, smmuNamed } from "../hypercalls/hvc-pd.ts";
import { type Machine, stack } from "../machine.ts";
import { addCommand, addSync } from "../smmu/command-queue.ts";
import { isTakenAsOff, takeAs, writeCr0 } from "../smmu/power.ts";
import { inVersion } from "./version.ts";

type PowerNode = Node<Machine, HvcPdFrame>;

function switches(on: readonly PowerNode[], off: readonly PowerNode[], core: string): Edit<Machine> {
  return replaceStep<Machine, HvcPdFrame>(
    "does it go on?",
    when("does it go on?", (_, c) => c.on, on, off, { mirrors: core }),
  );
}

const note = (isOff: boolean, mirror: string): PowerNode => takeAs<HvcPdFrame>(smmuNamed, isOff, mirror);

/** smmu_reset_device, and what follows where it fails or not. */
function resets(mirror: string, failed: readonly PowerNode[], done: readonly PowerNode[]): PowerNode[] {
  const undo = jump<Machine, HvcPdFrame>("the reset is undone");
  const fail = jump<Machine, HvcPdFrame>("the reset failed");
  const of = smmuNamed;
  return [
    ...writeCr0<HvcPdFrame>(of, "consume commands", "CMDQEN", mirror, fail),
    ...addCommand<HvcPdFrame>(
      of,
      "CFGI of all",
      () => ({ tag: "CFGI of all" }),
      undefined,
      "CMD_CFGI_ALL",
      undo,
    ),
    ...addCommand<HvcPdFrame>(
      of,
      "TLBI of all",
      () => ({ tag: "TLBI of all" }),
      undefined,
      "CMD_TLBI_NSNH_ALL",
      undo,
    ),
    ...addSync<HvcPdFrame>(of, "", undo),
    ...writeCr0<HvcPdFrame>(of, "translate", "SMMUEN", mirror, fail),
    leave(jump("the reset is done")),
    label("the reset is undone", [
      ...writeCr0<HvcPdFrame>(of, "disable after an error", "0", mirror, fail),
      leave(jump("the reset is done")),
    ]),
    label("the reset failed", [...failed, leave(returns("0"))]),
    label("the reset is done", [...done]),
  ];
}

/** smmu_suspend, and what follows where it fails or not. */
function suspends(mirror: string, failed: readonly PowerNode[], done: readonly PowerNode[]): PowerNode[] {
  return [
    ...writeCr0<HvcPdFrame>(smmuNamed, "disable", "0", mirror, jump("the SMMU is not disabled")),
    leave(jump("the SMMU is disabled")),
    label("the SMMU is not disabled", [...failed, leave(returns("0"))]),
    label("the SMMU is disabled", [...done]),
  ];
}

/** v1 and v2. */
export function hvcPdNotes(version: string) {
  const on = note(false, `iommu_power_on (${version})`);
  const off = note(true, `iommu_power_off (${version})`);
  return edit<Machine>(hvcPd, switches([on], [off], `pkvm_host_hvc_pd (${version})`), inVersion(version, {}));
}

const on15 = "iommu_power_on (android15)";
const off15 = "iommu_power_off (android15)";

function keepsNote(what: string, mirror: string): PowerNode {
  return step(
    `remember what the SMMU was taken to be before it goes ${what}`,
    (s, c: HvcPdFrame & { isAllowed: boolean }) => {
      c.isAllowed = isTakenAsOff(s, smmuNamed(s, c));
    },
    { mirrors: mirror },
  ) as PowerNode;
}

function restoresNote(what: string, mirror: string): PowerNode {
  return step(
    `take the SMMU to be what it was before it was to go ${what}`,
    (s, c: HvcPdFrame & { isAllowed: boolean }) => {
      const { power } = s.smmus[smmuNamed(s, c)];
      if (power.length > 0) power[0].isOff = c.isAllowed;
    },
    { mirrors: mirror },
  ) as PowerNode;
}

export const hvcPd15 = edit<Machine>(
  hvcPd,
  addLocals({ isAllowed: stack.isAllowed }),
  switches(
    [
      keepsNote("on", on15),
      note(false, on15),
      ...resets("smmu_resume (android15)", [restoresNote("on", on15)], []),
    ],
    [
      keepsNote("off", off15),
      note(true, off15),
      ...suspends("smmu_suspend (android15)", [restoresNote("off", off15)], []),
    ],
    "pkvm_host_hvc_pd (android15)",
  ),
  inVersion("android15", {}),
);

export const hvcPd16 = edit<Machine>(
  hvcPd,
  switches(
    resets("smmu_resume, smmu_reset_device (android16)", [], [note(false, "iommu_power_on (android16)")]),
    suspends("smmu_suspend (android16)", [], [note(true, "iommu_power_off (android16)")]),
    "pkvm_host_hvc_pd (android16)",
  ),
  inVersion("android16", {}),
);

export const hvcPd2025 = edit<Machine>(
  hvcPd,
  switches(
    [note(false, "smmu_power_on (2025)"), ...resets("smmu_reset_device (2025)", [], [])],
    [note(true, "smmu_power_off (2025)"), ...suspends("smmu_power_off (2025)", [], [])],
    "pkvm_host_hvc_pd (2025)",
  ),
  mirrors("pkvm_host_hvc_pd (2025)"),
  inVersion("2025", { smmu_add_cmd: "__smmu_add_cmd" }),
);
