// Prints "PASSED FAILED SKIPPED" for a report of vitest's JSON reporter. A file that failed without a failed
// test (it did not compile, or a hook threw) counts as one failed test.
//
//   node scripts/count-tests.mjs REPORT

import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const broken = report.testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((result) => result.status === "failed"),
);
const skipped = report.numPendingTests + report.numTodoTests;
console.log(report.numPassedTests, report.numFailedTests + broken.length, skipped);
