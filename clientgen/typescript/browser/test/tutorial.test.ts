// docs/CLIENTS.md is true: the app is built out of its blocks and used against the demo company.

import { execFile, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { describe, expect, inject, onTestFinished, test } from "vitest";

import { browser, profile, serve, start } from "./bed.js";

const root = new URL("../../../../", import.meta.url).pathname;
const run = promisify(execFile);

/** How long the app and the company may take on a machine that does much else, in milliseconds. */
const patience = 180_000;

/** The blocks of one language in the TypeScript half of the tutorial. */
async function blocks(language: string): Promise<string[]> {
  const text = await readFile(join(root, "docs/CLIENTS.md"), "utf8");
  const half = text.split(/^## /m).find((part) => part.startsWith("TypeScript"))!;
  return [...half.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, is, body]) => (is === language ? [body!] : []));
}

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "doorstep-tutorial-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  await chmod(dir, 0o755); // PostgreSQL runs under an account of its own
  return dir;
}

/** A port that nobody has, below those that the system gives out by itself. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(10_000 * Math.random());
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

/** Starts the demo company, and gives its address with an enrolment code. */
async function demo(origin: string): Promise<{ url: string; code: string }> {
  const url = `127.0.0.1:${await freePort()}`;
  const args = ["demo", "--quiet-day", "--listen", url, "--origins", origin, "--data", join(await folder(), "data")];
  const child = spawn(join(root, ".tmp/bin/doorstep"), args, { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGINT");
    await ended;
  }, 60_000);
  let errors = "";
  child.stderr.on("data", (text) => (errors += String(text)));
  const code = await new Promise<string>((resolve, reject) => {
    void ended.then(() => reject(new Error(`the demo has ended: ${errors}`)));
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = / enrol (\S+) /.exec(line);
      if (found) resolve(found[1]!);
    });
  });
  return { url: `http://${url}`, code };
}

/** Builds the app as the tutorial says, in an empty folder beside doorstep. */
async function build(): Promise<Record<string, string>> {
  const beside = await folder();
  await symlink(root, join(beside, "doorstep"));
  const dir = join(beside, "app");
  await mkdir(dir);
  await writeFile(join(dir, "package.json"), `{ "private": true, "type": "module" }`);
  await writeFile(join(dir, "index.html"), (await blocks("html")).join(""));
  await writeFile(join(dir, "main.ts"), (await blocks("ts")).join("\n"));
  const [install] = await blocks("sh");
  // What this test runs on is installed already, and must not be taken away beneath it.
  await run("sh", ["-euc", install!.replace("npm ci && ", "")], { cwd: dir });
  const strict = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--target",
    "es2022",
    "--module",
    "esnext",
    "--moduleResolution",
    "bundler",
  ];
  await run(join(root, "clientgen/typescript/node_modules/.bin/tsc"), [...strict, "main.ts"], { cwd: dir });
  await run("npx", ["vite", "build", "--logLevel", "error"], { cwd: dir });
  const files: Record<string, string> = { "/": await readFile(join(dir, "dist/index.html"), "utf8") };
  for (const name of await readdir(join(dir, "dist/assets")))
    files[`/assets/${name}`] = await readFile(join(dir, "dist/assets", name), "utf8");
  return files;
}

describe.skipIf(browser === undefined)("the tutorial's app", () => {
  test("lists jobs, accepts one without a network, and its photo arrives", { timeout: 900_000 }, async () => {
    const site = await serve(await build());
    onTestFinished(site.close);
    const { url, code } = await demo(site.url);
    const { dir, remove } = await profile();
    onTestFinished(remove);
    const running = await start(dir, true);
    onTestFinished(running.close);
    const tab = await running.context.newPage();
    await tab.goto(site.url);

    await tab.fill("[name=server]", url);
    await tab.fill("[name=code]", code);
    await tab.click("text=Enrol");
    const first = tab.locator("#jobs li", { hasText: "DISPATCHED" }).first();
    await first.waitFor({ timeout: patience }).catch(async (err: unknown) => {
      throw new Error(`no job; the app says: ${await tab.textContent("#status")}`, { cause: err });
    });
    const number = (await first.textContent())!.split(" ")[0]!;
    const job = tab.locator("#jobs li", { hasText: number });

    await running.context.setOffline(true);
    await job.locator("text=accept").click();
    await job.filter({ hasText: "ACCEPTED, 0 photos, not sent yet" }).waitFor();
    const photo = Buffer.from(await (await fetch(`${inject("harness")}/photos/20000`)).arrayBuffer());
    await job.locator("input").setInputFiles({ name: "before.jpg", mimeType: "image/jpeg", buffer: photo });
    await job.filter({ hasText: "ACCEPTED, 1 photos, not sent yet" }).waitFor();
    await expect
      .poll(() => tab.textContent("#status"), { timeout: patience })
      .toContain("2 actions and 1 photos to send, 0 to look at");

    await running.context.setOffline(false);
    await expect
      .poll(() => tab.textContent("#status"), { timeout: patience })
      .toContain("0 actions and 0 photos to send, 0 to look at");
    await tab.reload();
    await job.filter({ hasText: "ACCEPTED, 1 photos" }).waitFor({ timeout: patience });
  });
});
