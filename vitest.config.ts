import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**", "**/dist-*/**", "**/.stryker-tmp/**"],
    // Some tests explore a state space to its end.
    testTimeout: 120_000,
    // Processes, because tests start worker threads of their own; two, because the figures in the tests are for
    // two cores.
    pool: "forks",
    maxWorkers: 2,
  },
});
