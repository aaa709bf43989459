// Who may import whom. Each rule says why, and tests/arrows.test.ts shows that each of them can fail.

const rooms = "checker|spec|model|properties|cli|explorer|bench";
/** Tests, and the folders called testing/ with what several of them share. */
const test = ["[.]test[.]tsx?$", "/testing/"];
/** What the rooms above may use of the checker: its front door, and the folders of the modelling kit. */
const kit = "^checker/(index[.]ts$|kit/|schema/)";

/** A room may import itself, packages, and what `may` matches, but nothing else of the project. */
function room(name, may, why) {
  return [
    {
      name: `${name}-arrows`,
      comment: why,
      severity: "error",
      from: { path: `^${name}/`, pathNot: test },
      to: { path: `^(${rooms}|tests|scripts|bin)/`, pathNot: [`^${name}/`, ...may] },
    },
    {
      name: `${name}-test-arrows`,
      comment: `As ${name}-arrows, but a test may import all of the checker: it runs searches.`,
      severity: "error",
      from: { path: [`^${name}/.*[.]test[.]tsx?$`, `^${name}/.*testing/`] },
      to: { path: `^(${rooms})/`, pathNot: [`^${name}/`, "^checker/", ...may] },
    },
  ];
}

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    ...room(
      "checker",
      [],
      "The checker is usable for any model: it knows nothing of pKVM, of the command or of the web page.",
    ),
    ...room(
      "spec",
      [kit],
      "The policy is what a reviewer reads first. It stands on the modelling kit alone: no machine, no property and no search can leak into it.",
    ),
    ...room(
      "model",
      ["^spec/", kit],
      "The machines perform the policy's atoms. They must not know the properties they are checked against, nor how they are explored.",
    ),
    ...room(
      "properties",
      ["^spec/", "^model/", kit],
      "A property speaks about the policy and the machines. How the states are found, or shown, is not its business.",
    ),
    ...room(
      "explorer",
      ["^(checker|spec|model|properties|bench)/"],
      "The web page runs in a browser: nothing of the command line may come with it.",
    ),
    {
      name: "no-cycles",
      comment: "Modules that need each other can be neither read nor tested one after the other.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "search-without-immer",
      comment:
        "immer and ts-pattern make the text of a model readable and cost a hundredfold: the search runs on packed states only.",
      severity: "error",
      from: { path: "^checker/search/", pathNot: test },
      to: { path: "(^|/)node_modules/(immer|ts-pattern)(/|$)" },
    },
    {
      name: "specification-without-node",
      comment:
        "A rule reads its draft and its arguments: no clock, no file, no process. And the web page runs the same text.",
      severity: "error",
      from: { path: "^(spec|model|properties)/", pathNot: test },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-test-in-production",
      comment:
        "Only tests use what is made for tests; what two of them share is a module in a folder called testing/.",
      severity: "error",
      from: { pathNot: test },
      to: { path: test },
    },
    {
      name: "no-development-package",
      comment: "What runs for a user must be among the dependencies, not the devDependencies.",
      severity: "error",
      from: { path: "^(checker|spec|model|properties|cli)/", pathNot: test },
      to: {
        dependencyTypes: ["npm-dev"],
        dependencyTypesNot: ["type-only"],
        pathNot: "node_modules/@types/",
      },
    },
    {
      name: "packages-are-declared",
      comment: "A package that package.json does not name comes and goes with the dependencies of others.",
      severity: "error",
      from: {},
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown"] },
    },
    {
      name: "imports-resolve",
      comment: "An import that leads nowhere escapes every other rule.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)(dist|dist-[^/]*|coverage|[.]stryker-tmp)/" },
    // Types count: a room that needs only the types of another one still depends on it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default", "types"],
      extensions: [".ts", ".tsx", ".mjs", ".js", ".cjs", ".json", ".d.ts"],
    },
  },
};
