/**
 * vcpu_load(vm), vcpu_put() and start_teardown_vm(vm): which guest may run where, and which is dying.
 *
 * A guest runs where its vCPU is loaded, and only there it makes calls, or gets pages. A guest that is dying is
 * loaded nowhere any more; only then its pages may be reclaimed. vm_table_lock protects both.
 *
 * Every guest has one vCPU here. A guest that is dying stays so: finalize_teardown_vm, and another guest under the
 * same handle, are left out.
 */
import { check, type FrameOf, type Node, procedure, refuse, step } from "../../checker/index.ts";
import { under, vmTableLock } from "../locks.ts";
import { cpu, type Machine, registers } from "../machine.ts";
import { lifeOf } from "../tables.ts";
import { warnUnless } from "./results.ts";

const args = { vm: registers.vm } as const;
export type VmFrame = FrameOf<typeof args, Record<never, never>>;

const load = "pkvm_load_hyp_vcpu (v2 base)";
const put = "pkvm_put_hyp_vcpu (v2 base)";
const teardown = "__pkvm_start_teardown_vm (v2 base)";

/** pkvm_get_loaded_hyp_vcpu: the guest's vCPU is loaded on the CPU that runs the call. */
export function needsLoaded<C extends VmFrame>(mirrors: string): Node<Machine, C> {
  return check(
    "the guest's vCPU is loaded here",
    (s, c, { self }) => {
      const life = lifeOf(s, c.vm);
      return life === null || life.loadedOn === self;
    },
    refuse("EINVAL"),
    { mirrors },
  );
}

/** Is a vCPU of any guest loaded on the CPU? */
function isOccupied(s: Machine, self: number): boolean {
  for (let v = 0; v < s.guests.length; v++)
    for (let n = 0; n < s.guests[v].life.length; n++) if (s.guests[v].life[n].loadedOn === self) return true;
  return false;
}

export const vcpuLoad = procedure<Machine, typeof args>(
  "vcpu_load",
  { meaning: "The host has a guest's vCPU run on this CPU.", origin: { mirrors: load }, args },
  [
    // CHECKS
    check("no vCPU is loaded here", (s, _, { self }) => !isOccupied(s, self), refuse("EINVAL"), {
      mirrors: load,
    }),
    under(vmTableLock, [
      check("the guest is not dying", (s, c) => lifeOf(s, c.vm)?.isDying === false, refuse("EINVAL"), {
        mirrors: load,
      }),
      check("the vCPU is loaded nowhere", (s, c) => lifeOf(s, c.vm)?.loadedOn === null, refuse("EINVAL"), {
        mirrors: load,
      }),

      // EFFECTS: a reference to the guest, and the vCPU is this CPU's
      step(
        "load the vCPU",
        (s, c, { self }) => {
          const life = lifeOf(s, c.vm);
          if (life !== null) life.loadedOn = cpu.at(self);
        },
        { mirrors: load },
      ),
    ]),

    // RETURN: ok, or why not
  ],
);

export const vcpuPut = procedure<Machine, typeof args>(
  "vcpu_put",
  { meaning: "The host has a guest's vCPU run here no more.", origin: { mirrors: put }, args },
  [
    // CHECKS
    needsLoaded<VmFrame>(put),

    // EFFECTS
    under(vmTableLock, [
      step(
        "put the vCPU",
        (s, c) => {
          const life = lifeOf(s, c.vm);
          if (life !== null) life.loadedOn = null;
        },
        { mirrors: put },
      ),
    ]),

    // RETURN: ok, or why not
  ],
);

export const startTeardown = procedure<Machine, typeof args>(
  "start_teardown_vm",
  { meaning: "The host has a guest torn down.", origin: { mirrors: teardown }, args },
  [
    under(vmTableLock, [
      // CHECKS
      warnUnless("no vCPU is loaded", (s, c) => lifeOf(s, c.vm)?.loadedOn === null, teardown),
      check("no vCPU is loaded", (s, c) => lifeOf(s, c.vm)?.loadedOn === null, refuse("EBUSY"), {
        mirrors: teardown,
      }),
      check("the guest is not dying yet", (s, c) => lifeOf(s, c.vm)?.isDying === false, refuse("EINVAL"), {
        mirrors: teardown,
      }),

      // EFFECTS
      step(
        "mark the guest as dying",
        (s, c) => {
          const life = lifeOf(s, c.vm);
          if (life !== null) life.isDying = true;
        },
        { mirrors: teardown },
      ),
    ]),

    // RETURN: ok, or why not
  ],
);
