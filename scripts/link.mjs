// All modules of the command in one file, each a function of what it imports. Reading some hundred modules one by one
// takes longer than many a search.
//
// The usual bundlers put all modules into one scope. The compiler asks the inspector for the scope of each recipe, which
// lists all that is in it: with one scope for everything, compiling a model took 5 seconds instead of 3. Here the text of
// a module stays as it is but for its imports and exports, and so does its scope. That works because no modules import
// each other in circles (a rule of .dependency-cruiser.cjs) and what is exported is never assigned to again.

import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { parse } from "acorn";
import { build } from "esbuild";

/** The text of a script: a function of `require` and of a function that imports from outside. Its value: the modules. */
export async function link(folder, entry) {
  const modules = new Map();
  const packages = new Map();
  const waiting = [entry];
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (modules.has(id)) continue;
    const module = moduleOf(folder, id);
    modules.set(id, module);
    for (const dependency of [...module.imports, ...module.late]) {
      if (dependency.isOurs) waiting.push(dependency.id);
      else if (!isBuiltin(dependency.id)) namesOf(packages, dependency.id).push(...dependency.names);
    }
  }
  const texts = [...modules].map(([id, { imports, text }]) => {
    const ids = JSON.stringify(imports.map((dependency) => dependency.id));
    return `${JSON.stringify(id)}: [${ids}, ${text}],\n`;
  });
  for (const [name, names] of packages)
    texts.push(`${JSON.stringify(name)}: [[], ${await packageOf(folder, name, names)}],\n`);
  return `"use strict";\n(require, importOutside) => ({\n${texts.join("")}})`;
}

export function isBuiltin(id) {
  return builtinModules.includes(id.replace(/^node:/, ""));
}

function namesOf(packages, name) {
  if (!packages.has(name)) packages.set(name, []);
  return packages.get(name);
}

/** A module of ours: what it imports, what it imports late, and its text as a function. */
function moduleOf(folder, id) {
  const source = readFileSync(join(folder, id), "utf8");
  const tree = parse(source, { ecmaVersion: "latest", sourceType: "module" });
  const changes = [];
  const imports = [];
  const late = [];
  const parameters = [];
  const exports = [];
  const fail = (node, what) => {
    throw new Error(`${id}, at "${source.slice(node.start, node.start + 60)}": ${what}`);
  };
  const dependencyOn = ({ value }, names) =>
    value.startsWith(".")
      ? { isOurs: true, id: relative(folder, join(folder, dirname(id), value)), names }
      : { isOurs: false, id: value, names };
  const cut = (node) => changes.push([node.start, node.end, ""]);

  for (const node of tree.body) {
    if (node.type === "ImportDeclaration") {
      const whole = node.specifiers.find(({ type }) => type === "ImportNamespaceSpecifier");
      if (whole !== undefined && node.specifiers.length > 1)
        fail(node, "imports both a whole module and names");
      const named = node.specifiers.map(({ imported, local }) => [imported?.name ?? "default", local.name]);
      const pattern = named.map(([from, to]) => (from === to ? from : `${from}: ${to}`)).join(", ");
      parameters.push(whole === undefined ? `{ ${pattern} }` : whole.local.name);
      imports.push(dependencyOn(node.source, whole === undefined ? named.map(([from]) => from) : ["*"]));
      cut(node);
    } else if (node.type === "ExportNamedDeclaration" && node.source !== null) {
      const from = `reexported${parameters.length}`;
      parameters.push(from);
      imports.push(
        dependencyOn(
          node.source,
          node.specifiers.map(({ local }) => local.name),
        ),
      );
      for (const { exported, local } of node.specifiers)
        exports.push(`${exported.name}: ${from}.${local.name}`);
      cut(node);
    } else if (node.type === "ExportAllDeclaration") {
      const from = `reexported${parameters.length}`;
      parameters.push(from);
      imports.push(dependencyOn(node.source, ["*"]));
      exports.push(node.exported === null ? `...${from}` : `${node.exported.name}: ${from}`);
      cut(node);
    } else if (node.type === "ExportNamedDeclaration" && node.declaration === null) {
      for (const { exported, local } of node.specifiers) exports.push(`${exported.name}: ${local.name}`);
      cut(node);
    } else if (node.type === "ExportNamedDeclaration") {
      const { declaration } = node;
      if (declaration.type === "VariableDeclaration") {
        if (declaration.kind !== "const") fail(node, "what is exported is a constant");
        for (const { id: pattern } of declaration.declarations) {
          if (pattern.type !== "Identifier") fail(node, "what is exported has a name");
          exports.push(pattern.name);
        }
      } else exports.push(declaration.id.name);
      changes.push([node.start, declaration.start, ""]);
    } else if (node.type === "ExportDefaultDeclaration") fail(node, "an export has a name");
  }
  visit(tree, (node) => {
    if (node.type === "MetaProperty") changes.push([node.start, node.end, "importMeta"]);
    if (node.type !== "ImportExpression") return;
    const isKnown = node.source.type === "Literal";
    if (isKnown) late.push(dependencyOn(node.source, ["*"]));
    const call = isKnown
      ? `importLate(${JSON.stringify(late.at(-1).id)})`
      : `importOutside(${source.slice(node.source.start, node.source.end)})`;
    changes.push([node.start, node.end, call]);
  });
  let text = source;
  for (const [start, end, by] of changes.toSorted((a, b) => b[0] - a[0]))
    text = text.slice(0, start) + by + text.slice(end);
  const all = ["importMeta", "importLate", ...parameters].join(", ");
  return {
    imports,
    late,
    text: `function Module(${all}) {\n${text}\nreturn { ${exports.join(", ")} };\n}`,
  };
}

/** A package, with what is used of it: put into one function by a bundler. */
async function packageOf(folder, name, names) {
  const quoted = JSON.stringify(name);
  const contents = names.includes("*")
    ? `export * from ${quoted};`
    : `export { ${[...new Set(names)].join(", ")} } from ${quoted};`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    write: false,
    platform: "node",
    format: "cjs",
    target: "node20.19",
    legalComments: "none",
    logLevel: "warning",
  });
  return `function Module() {\nconst module = {};\n${outputFiles[0].text}\nreturn module.exports;\n}`;
}

/** Calls `look` for each node of a syntax tree. */
function visit(node, look) {
  if (typeof node?.type === "string") look(node);
  for (const part of Object.values(node ?? {})) {
    if (typeof part === "object") visit(part, look);
  }
}
