/** `dmaspec explore [TRACE]`: a web page that shows a schedule and walks a model, served or written to a file. */
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { dirname, resolve } from "node:path";
import { buildCommand } from "@stricli/core";
import type { Context } from "../context.ts";
import { usageError } from "../exit-codes.ts";
import { makePage, type ShownFirst } from "../explorer-page.ts";
import { parseWhole, type TargetFlags, targetFlags } from "../flags.ts";
import type { Io } from "../io.ts";
import { acceptTrace } from "../read-trace.ts";
import { prepareRun } from "../run.ts";
import { quoteForShell } from "../text.ts";
import { readVersion } from "../version.ts";

interface ExploreFlags extends TargetFlags {
  readonly out?: string;
  readonly port: number;
}

/** The only address that the page is served on: this machine's own. */
const host = "127.0.0.1";

export const exploreCommand = buildCommand<ExploreFlags, [string?], Context>({
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: "TRACE",
          brief: "A trace file, as `check` writes it; without one, the page begins at the initial state",
        },
      ],
    },
    flags: {
      ...targetFlags,
      out: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "FILE",
        brief: "Write one HTML file that opens from disk, instead of serving the page",
      },
      port: {
        kind: "parsed",
        parse: parseWhole,
        default: "8321",
        placeholder: "N",
        brief: "The port on this machine; 0 for any that is free",
      },
    },
  },
  docs: {
    brief: "Show a schedule in a web page, and walk a model step by step",
    customUsage: [
      "[TRACE] [--out FILE.html] [--port N]",
      "[--design NAME] [--scenario NAME] [--size SIZE] [--out FILE.html] [--port N]",
    ],
    fullDescription: [
      "The page has the schedule in lanes, a picture of the machine in each state, what each step changed, and",
      "what could be done there: take another road, go back, run until something holds. The model runs in the",
      "page. It needs no network: --out writes a single file to be opened from disk, or attached to a mail.",
      "The page's address holds the actions taken, so that a link leads to the same state.",
      "",
      `Served on ${host} only, until Ctrl-C.`,
      "Exit codes: 0 shown, 4 the model does not accept the trace.",
    ].join("\n"),
  },
  async func(flags, file) {
    const { io } = this;
    const page = await makePage(await findFirst(this, flags, file));
    if (flags.out !== undefined) {
      writePage(io, flags.out, page);
      io.stdout.write(`${flags.out} is written: open it in a browser\n`);
      return;
    }
    await serve(io, page, flags.port);
  },
});

/** What the page shows first: the trace, or the initial state of what the flags name. */
async function findFirst(
  context: Context,
  flags: ExploreFlags,
  file: string | undefined,
): Promise<ShownFirst> {
  const version = readVersion();
  if (file === undefined) {
    const { target, powersOff, assumptionsOff } = prepareRun(context.registry, flags);
    const named = { design: target.design.name, scenario: target.scenario.name, size: target.size };
    return {
      version,
      route: { target: { ...named, powersOff, assumptionsOff }, initial: 0, path: [] },
      claim: null,
    };
  }
  const { opened, replayed } = await acceptTrace(context, file, `npx dmaspec explore ${quoteForShell(file)}`);
  const { trace, run } = opened;
  const { design, scenario, size, powersOff, assumptionsOff } = trace;
  const { kind, name, args } = replayed.shown;
  const initials = Object.keys(run.instance.model.initial);
  return {
    version,
    route: {
      target: { design, scenario, size, powersOff, assumptionsOff },
      initial: Math.max(0, initials.indexOf(replayed.replay.initialName)),
      path: replayed.replay.steps.map(({ instance }) => instance.id),
    },
    claim: { kind, name, args },
  };
}

function writePage(io: Io, file: string, page: string): void {
  const path = resolve(io.cwd, file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, page);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the page could not be written: ${why}`, "name another file with --out FILE");
  }
}

/** Serves the page until an interrupt. */
async function serve(io: Io, page: string, port: number): Promise<void> {
  const server = createServer((request, response) => {
    // A name that leads here from elsewhere is no request of this machine's browser for this page.
    const isOwn = [host, "localhost"].includes((request.headers.host ?? "").replace(/:\d+$/, ""));
    const isPage = request.method === "GET" && (request.url ?? "").split("?")[0] === "/";
    response.writeHead(isOwn && isPage ? 200 : isOwn ? 404 : 403, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
    });
    response.end(isOwn && isPage ? page : "");
  });
  const actual = await listen(server, port);
  io.stdout.write(`http://${host}:${actual}/  (Ctrl-C ends it)\n`);
  await new Promise<void>((done) => {
    const off = io.onInterrupt(() => {
      off();
      server.close(() => done());
      server.closeAllConnections();
    });
  });
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? `port ${port} is taken` : error.message;
      fail(
        usageError(
          `the page could not be served: ${why}`,
          "give another --port, or --port 0 for any that is free",
        ),
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      done(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
