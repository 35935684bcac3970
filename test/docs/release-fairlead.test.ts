// The runbook by which Fairlead itself is released, typed line by line; and what its customers do with it.
import { execFile } from 'node:child_process';
import { appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { holdToAnswer } from '../support/declared-answers.ts';
import { createVendor, type Vendor } from '../support/vendor.ts';
import { createPrograms } from './pages/programs.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const RUNBOOK = await readFile(join(ROOT, 'docs/runbooks/release-fairlead.md'), 'utf8');
const CLI = join(ROOT, 'agent/cli/main.ts');
const LIMIT_MS = 300_000;
const HOUR_MS = 3_600_000;

/** What stands behind `$ `, in order, with the answer that the page shows. */
const LINES = [...RUNBOOK.matchAll(/^\$ (.+)\n(CHG-\d+)?/gm)].map(([, line = '', answer]) => ({
  line,
  answer,
}));
const [DOWNLOADS = '', AGENT = ''] = [...RUNBOOK.matchAll(/```json\n(.+?)```/gs)].map(([, json]) => json);

/** As a shell takes it apart. */
async function wordsOf(line: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `printf '%s\\n' ${line}`]);
  return stdout.trimEnd().split('\n');
}

/** Small files in the place of what a build leaves. */
async function build(directory: string): Promise<void> {
  for (const machine of ['linux-x64', 'linux-arm64'])
    await mkdir(join(directory, 'dist', machine), { recursive: true });
  await mkdir(join(directory, 'agent'));
  await writeFile(join(directory, 'dist/linux-x64/fairlead_1.0.0_amd64.deb'), 'a package');
  await writeFile(join(directory, 'dist/linux-x64/fairlead-1.0.0-linux-x64.tar.gz'), 'an archive');
  await writeFile(join(directory, 'dist/linux-arm64/fairlead_1.0.0_arm64.deb'), 'another');
  await writeFile(join(directory, 'agent/fairlead'), '#!/bin/sh\necho 1.0.0\n', { mode: 0o755 });
  await writeFile(join(directory, 'downloads.json'), DOWNLOADS);
  await writeFile(join(directory, 'agent.json'), AGENT);
}

/** What a customer has: files from anywhere, the root, and a copy of the repository. */
async function give(vendor: Vendor): Promise<string> {
  const customer = join(vendor.directory, 'customer');
  await cp(join(vendor.directory, 'dist/linux-x64'), customer, { recursive: true });
  await cp(join(vendor.directory, 'workspace/repository/metadata/1.root.json'), join(customer, 'root.json'));
  for (const [path, bytes] of vendor.server.files) {
    await mkdir(dirname(join(customer, 'repository', path)), { recursive: true });
    await writeFile(join(customer, 'repository', path), bytes);
  }
  return customer;
}

it('leads from a build to a release that customers can verify, and agents follow', {
  timeout: LIMIT_MS,
}, async () => {
  const vendor = await createVendor();
  onTestFinished(() => vendor.close());
  await build(vendor.directory);
  vendor.server.counts.set('CHG-2', { committed: 3, rolledBack: 0, inProgress: 0, failed: 0 });
  const typed = LINES.filter(({ line }) => line.startsWith('fairlead-vendor '));

  for (const { line, answer = '' } of typed) {
    const [, ...words] = await wordsOf(line);
    const placed = words.map((word) =>
      /^(?:dist|agent|\w+\.json)$/.test(word) ? join(vendor.directory, word) : word,
    );
    // Every wave has opened by then.
    if (line.includes('change complete')) vendor.clock.aheadMs = 25 * HOUR_MS;
    const { status, out, err } = await vendor.run(...placed);
    expect([line, status, status === 0 || err]).toEqual([line, 0, true]);
    expect(out).toContain(answer);
  }
  const customer = await give(vendor);
  const ask = async (line: string) => {
    const [, ...words] = await wordsOf(
      line.replace('https://releases.example.com', vendor.server.url).replace('/media/usb', customer),
    );
    return await promisify(execFile)(process.execPath, [CLI, ...words], {
      cwd: customer,
      env: { PATH: process.env.PATH },
    });
  };
  const asked = LINES.filter(({ line }) => line.startsWith('fairlead verify-download '));

  for (const { line } of asked) {
    expect((await ask(line)).stdout).toMatch(
      /is what was released as fairlead\/downloads 1\.0\.0: linux-x64\//,
    );
  }
  const [program] = createPrograms();
  const first = asked[0]?.line ?? '';
  const document = JSON.parse((await ask(`${first} --json`)).stdout);
  if (program !== undefined) await holdToAnswer(program, ['verify-download', 'x'], document);
  await appendFile(join(customer, 'fairlead_1.0.0_amd64.deb'), ' ');
  await expect(ask(first)).rejects.toMatchObject({ code: 5 });

  expect([typed.length, asked.length]).toEqual([10, 3]);
});
