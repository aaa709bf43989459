/** What the command touches of the world outside, so that tests can run it in their own process. */
import picocolors from "picocolors";

export interface OutputStream {
  write(text: string): void;
  readonly isTTY: boolean;
  /** Columns of the terminal, or the usual number where there is none. */
  readonly columns: number;
}

export interface Io {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder against which the names of files are resolved. */
  readonly cwd: string;
  /** Calls `listener` on each interrupt (Ctrl-C) until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

const usualColumns = 100;
const narrowest = 40;

/** The world as this process sees it. */
export function processIo(): Io {
  return {
    stdout: outputStream(process.stdout),
    stderr: outputStream(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    onInterrupt: (listener) => {
      process.on("SIGINT", listener);
      process.on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener);
        process.off("SIGTERM", listener);
      };
    },
    exit: (code) => process.exit(code),
  };
}

function outputStream(stream: NodeJS.WriteStream): OutputStream {
  // Whoever reads us may stop before the end (`dmaspec list | head`): that is no error.
  if (stream.listenerCount("error") === 0) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit();
    });
  }
  return {
    write: (text) => void stream.write(text),
    isTTY: "isTTY" in stream && stream.isTTY,
    // A terminal that does not know its width says 0.
    columns: stream.columns > 0 ? Math.max(narrowest, stream.columns) : usualColumns,
  };
}

/** Colours for a stream: only on a terminal, and never where `NO_COLOR` is set. */
export function colorsFor(io: Io, stream: OutputStream): ReturnType<typeof picocolors.createColors> {
  const { NO_COLOR: noColor, TERM: terminal } = io.env;
  return picocolors.createColors(
    stream.isTTY && (noColor === undefined || noColor === "") && terminal !== "dumb",
  );
}
