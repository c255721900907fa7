// The bed of the tests: a server of bundled pages, and Chromium.

import { build } from "esbuild";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext } from "playwright-core";

/** Where Chromium may be. */
const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The browser of this machine; undefined when it has none. */
export const browser = [process.env["CHROMIUM"], ...places].find((p) => p !== undefined && existsSync(p));
if (browser === undefined) {
  const says = "No Chromium here: what needs a browser is not tested. CHROMIUM names one.";
  // Where nothing may be left out, that is a failure.
  if (process.env["DOORSTEP_ALL"]) throw new Error(says);
  console.warn(says);
}

/** Bundles a module of ../src for browsers, small. */
export async function bundle(entry: string, options: { external?: string[] } = {}): Promise<string> {
  const out = await build({
    entryPoints: [new URL(`../src/${entry}`, import.meta.url).pathname],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
    conditions: ["doorstep-source"],
    external: options.external ?? [],
  });
  return out.outputFiles[0]!.text;
}

/** Serves files by their paths, at an address of its own. */
export async function serve(files: Record<string, string>): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer((req, res) => {
    const path = (req.url ?? "/").split("?")[0]!;
    const body = files[path];
    if (body === undefined) {
      res.writeHead(404).end();
      return;
    }
    res.writeHead(200, { "Content-Type": path.endsWith(".js") ? "text/javascript" : "text/html" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A page that runs a script. */
export const page = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>test</title><script type="module" src="${script}"></script>`;

/** A new profile of the browser; gone with the test unless it is kept for another start. */
export async function profile(): Promise<{ dir: string; remove: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "doorstep-chromium-"));
  return { dir, remove: () => rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }) };
}

/** A browser at work. */
export interface Running {
  readonly context: BrowserContext;
  /** Ends it as a power cut does. */
  kill: () => Promise<void>;
  close: () => Promise<void>;
}

/** Starts the browser on a profile. Pages may call servers of other origins, for the harness knows none; unless strict. */
export async function start(dir: string, strict = false): Promise<Running> {
  const port = join(dir, "DevToolsActivePort");
  await rm(port, { force: true });
  const flags = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    ...(strict ? [] : ["--disable-web-security"]),
    "--remote-debugging-port=0",
    `--user-data-dir=${dir}`,
  ];
  // In a group of its own, so that all its processes can be killed at once.
  const child = spawn(browser!, [...flags, "about:blank"], { detached: true, stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const kill = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, "SIGKILL");
    await ended;
  };
  try {
    const connected = await chromium.connectOverCDP(`http://127.0.0.1:${await told(port, child)}`);
    const context = connected.contexts()[0]!;
    const close = async (): Promise<void> => {
      await connected.close().catch(() => undefined);
      await kill();
    };
    return { context, kill, close };
  } catch (err) {
    await kill();
    throw err;
  }
}

/** Waits until the browser has written its port. */
async function told(path: string, child: ChildProcess): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) throw new Error(`the browser ended with ${child.exitCode}`);
    const [port] = (await readFile(path, "utf8").catch(() => "")).split("\n");
    if (port) return port;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("the browser does not say its port");
}
