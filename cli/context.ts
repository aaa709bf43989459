/** What every command is given, and how it answers. */
import type { CommandContext, StricliProcess } from "@stricli/core";
import type { Io } from "./io.ts";
import type { Registry } from "./registry.ts";

export interface Context extends CommandContext {
  readonly process: StricliProcess;
  readonly io: Io;
  readonly registry: Registry;
  /** The exit code of a command that ran to its end. */
  exitCode: number;
}
