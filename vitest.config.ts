import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Test files that take minutes. They begin first: one that begins last has a core to itself, and the other waits. */
const longest = ["properties/manifest", "properties/oracle", "properties/teeth", "properties/designs"];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification): number => {
      const place = longest.findIndex((name) => moduleId.includes(name));
      return place < 0 ? longest.length : place;
    };
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

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
    sequence: { sequencer: LongestFirst },
  },
});
