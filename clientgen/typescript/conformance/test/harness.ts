// The harness of the scenarios, as a process of its own: vitest starts it once for all tests.

import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The address of the harness. */
    harness: string;
  }
}

/** Starts what DOORSTEP_HARNESS names, or the harness out of the sources. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const root = new URL("../../../../", import.meta.url);
  const built = process.env["DOORSTEP_HARNESS"];
  const harness =
    built === undefined
      ? spawn("go", ["run", "./internal/conformance"], { cwd: root, stdio: ["pipe", "pipe", "inherit"] })
      : spawn(built, [], { cwd: root, stdio: ["pipe", "pipe", "inherit"] });
  project.provide("harness", await firstLine(harness));
  return async () => {
    const ended = new Promise((resolve) => harness.once("close", resolve));
    harness.stdin?.end(); // it ends with its input
    await ended;
  };
}

function firstLine(of: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    of.once("error", reject);
    of.once("close", (code) => reject(new Error(`the harness ended with ${code}`)));
    createInterface({ input: of.stdout! }).once("line", resolve);
  });
}
