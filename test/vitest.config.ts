// How the tests run: from the project's root, on the pinned Node, with generous time for end-to-end rows.
import { defineConfig } from 'vitest/config';

/**
 * Suites that leave nothing behind in their process: they share one each, and load what they have in common once. A third of the
 * time of most of them was loading.
 */
const TOGETHER = [
  'test/shared/{change,compile,encoding,errors,policy,present,protocol,schema,tree,trust,version}/**/*.test.ts',
  'test/agent/{core,engine}/**/*.test.ts',
  'test/server/{core,db,http,jobs,repository}/**/*.test.ts',
];
/** Of these, those that change their process or measure it. */
const ALONE = [
  'test/agent/engine/agent/assess.test.ts',
  'test/agent/engine/deploy/secrets.test.ts',
  'test/agent/engine/repository/listing.test.ts',
  'test/server/db/threaded-sqlite.test.ts',
  'test/shared/trust/hostile-metadata.test.ts',
  'test/server/http/{plain-posts,sign-in,slow-connections,turns}.test.ts',
];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    globalSetup: ['test/support/node-version.ts'],
    setupFiles: ['test/support/seed.ts'],
    // By itself vitest leaves one processor to itself, and a machine of two waits most of the time.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A machine that others use too may keep a process waiting: what passes only then is printed with its count.
    retry: process.env.CI === 'true' ? 1 : 0,
    projects: [
      { extends: true, test: { name: 'together', isolate: false, include: TOGETHER, exclude: ALONE } },
      { extends: true, test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: TOGETHER } },
      { extends: true, test: { name: 'measuring', include: ALONE } },
    ],
  },
});
