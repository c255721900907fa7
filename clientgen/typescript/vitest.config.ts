import { defineConfig } from "vitest/config";

// Sources, not what was built of them: a test never sees a stale build.
export default defineConfig({
  resolve: { conditions: ["doorstep-source"] },
  ssr: { resolve: { conditions: ["doorstep-source"] } },
  test: {
    pool: "threads",
    poolOptions: { threads: { maxThreads: 2 } },
    testTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["*/test/**/*.test.ts"],
          exclude: ["{browser,conformance}/**", "**/node_modules/**"],
        },
      },
      {
        extends: true,
        test: {
          name: "conformance",
          include: ["{browser,conformance}/test/**/*.test.ts"],
          globalSetup: ["conformance/test/harness.ts"],
          maxConcurrency: 4,
        },
      },
    ],
  },
});
