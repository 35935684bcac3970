// The process that keeps a warm vitest over a working copy: it is told which files changed and which tests to run.
import { join } from 'node:path';
import process from 'node:process';
import { createVitest, type TestSpecification } from 'vitest/node';

export interface RunOrder {
  /** Files that are not what they were at the last order. */
  readonly changed: readonly string[];
  readonly tests: readonly string[];
}

export interface RunAnswer {
  /** Files in the order they ended, with what they took; after a failure the rest is not run. */
  readonly ran: readonly { readonly test: string; readonly passed: boolean; readonly ms: number }[];
  /** The full name of a failed test, where one failed by itself. */
  readonly failed: string | null;
  /** Something failed outside of every test: a promise nobody waited for, or the process that ran them. */
  readonly broken: boolean;
}

const root = process.cwd();

/** Files in the order they were asked for: the likeliest to fail comes first. */
class AsAsked {
  async shard(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }
  async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files;
  }
}

const vitest = await createVitest(
  'test',
  {
    root,
    config: join(root, 'test/vitest.config.ts'),
    watch: false,
    bail: 1,
    fileParallelism: false,
    maxWorkers: 1,
    maxConcurrency: 1,
    reporters: [{}],
    onConsoleLog: () => false,
    sequence: { sequencer: AsAsked },
  },
  { server: { watch: null } },
);
await vitest.standalone();

process.on('message', (order: RunOrder) => {
  run(order).then(
    (answer) => process.send?.(answer),
    (cause: unknown) => {
      console.error(cause);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

async function run({ changed, tests }: RunOrder): Promise<RunAnswer> {
  for (const file of changed) vitest.invalidateFile(join(root, file));
  vitest.state.filesMap.clear();
  vitest.state.errorsSet.clear();
  const project = vitest.getRootProject();
  const found = await vitest.runTestSpecifications(
    tests.map((test) => project.createSpecification(join(root, test))),
  );
  const modules = found.testModules.filter((module) => module.state() !== 'queued');
  const broken = found.unhandledErrors.length > 0;
  const failed = modules.flatMap((module) => [...module.children.allTests('failed')])[0];
  return {
    ran: modules.map((module) => ({
      test: module.relativeModuleId,
      passed: module.ok() && !broken,
      ms: Math.round(module.diagnostic().duration),
    })),
    broken,
    failed: failed?.fullName ?? (broken ? String(found.unhandledErrors[0]) : null),
  };
}
