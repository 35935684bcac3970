// How the tests run: from the project's root, on the pinned Node, with generous time for end-to-end rows.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/node-version.ts'],
    setupFiles: ['test/support/seed.ts'],
    // By itself vitest leaves one processor to itself, and a machine of two waits most of the time.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A machine that others use too may keep a process waiting: what passes only then is printed with its count.
    retry: process.env.CI === 'true' ? 1 : 0,
  },
});
