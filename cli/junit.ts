/**
 * A check as JUnit's XML, which CI systems read: a test case for each property and each witness.
 *
 * A green case says what `holds` says, and nothing less: what was not decided is an error, a witness that was not
 * reached although every state was seen is a failure, and one not reached in a search that ended early is skipped.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import picocolors from "picocolors";
import { formatCounterexample } from "../checker/trace/print.ts";
import { findingOf, type Outcome } from "./check-run.ts";
import { usageError } from "./exit-codes.ts";
import type { Io } from "./io.ts";
import { describeEnding } from "./judge.ts";

const width = 100;

export function formatJunit(outcome: Outcome): string {
  const { run, result, judgement, reproduce } = outcome;
  const { design, scenario, size } = run.target;
  const suite = `${design.name} ${scenario.name} ${size}`;
  const cases = [
    ...judgement.properties.map(({ name }) => ({ name, body: bodyOfProperty(outcome, name) })),
    ...judgement.witnesses.map(({ name, reached }) => ({
      name: `witness: ${name}`,
      body: reached
        ? ""
        : judgement.exhaustive
          ? element("failure", { message: "not reached: less was tried than it seems", type: "vacuous" })
          : element("skipped", { message: `not reached; ${describeEnding(result.ending)}` }),
    })),
  ];
  const count = (tag: string) => cases.filter(({ body }) => body.includes(`<${tag} `)).length;
  const counts = {
    tests: cases.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
    time: result.seconds.toFixed(3),
  };
  const properties = Object.entries({
    verdict: judgement.verdict,
    states: result.states,
    digest: result.digest,
    modelDigest: run.modelDigest,
    reproduce,
  }).map(([name, value]) => element("property", { name, value }));
  const body = cases.map(({ name, body: inner }) =>
    element("testcase", { name, classname: suite, time: 0 }, inner),
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    element(
      "testsuites",
      { name: "dmaspec", ...counts },
      element(
        "testsuite",
        { name: suite, ...counts },
        [element("properties", {}, properties.join("")), ...body].join("\n"),
      ),
    ),
    "",
  ].join("\n");
}

function bodyOfProperty(outcome: Outcome, name: string): string {
  const { run, judgement, result, reproduce } = outcome;
  const verdict = judgement.properties.find((property) => property.name === name)?.verdict;
  if (verdict === "holds") return "";
  if (verdict === "violated") {
    const finding = findingOf(outcome, name);
    if (finding === undefined) return element("failure", { message: "violated", type: verdict });
    const { shown, replay } = finding;
    const colors = picocolors.createColors(false);
    const lines = formatCounterexample(run.instance, replay, shown, { width, colors });
    const text = [...lines, `replay: npx dmaspec replay ${finding.file}`].join("\n");
    return element(
      "failure",
      { message: shown.explanation || shown.sentence, type: verdict },
      escapeXml(text),
    );
  }
  const why = verdict === "vacuous" ? "a declared witness was never reached" : describeEnding(result.ending);
  return element(
    "error",
    { message: `not decided: ${why}`, type: verdict ?? "" },
    escapeXml(`reproduce: ${reproduce}`),
  );
}

function element(tag: string, attributes: Readonly<Record<string, string | number>>, inner = ""): string {
  const list = Object.entries(attributes).map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`);
  return inner === "" ? `<${tag}${list.join("")} />` : `<${tag}${list.join("")}>${inner}</${tag}>`;
}

/** XML 1.0 has no way to write most control characters: they become spaces. */
function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return Array.from(text, (sign) => {
    const isControl = sign < " " && sign !== "\n" && sign !== "\t";
    return isControl ? " " : (entities[sign] ?? sign);
  }).join("");
}

/** Writes the report. Throws a usage error where the file cannot be written. */
export function writeJunit(io: Io, outcome: Outcome, file: string): void {
  const path = resolve(io.cwd, file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, formatJunit(outcome));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw usageError(`the JUnit report could not be written: ${why}`, "name another file with --junit FILE");
  }
}
