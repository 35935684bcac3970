// Advisories as people and other programs read them: what is signed beside one, what is imported, what is exported.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const V31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';

let vendor: Vendor;
beforeAll(async () => {
  vendor = await createVendor();
  await vendor.release('core/auth@1.0.0');
  await vendor.release('core/auth@1.0.1');
});
afterAll(() => vendor.close());

const plain = (id: string, severity = 'high') => [
  ...['--id', id, '--severity', severity, '--title', 'Token reuse'],
  ...['--affected', 'core/auth:<1.0.1', '--fixed', 'core/auth@1.0.1'],
];
const publish = (...options: readonly string[]) => vendor.json('advisory', 'publish', ...options);

/** The document that the newest metadata of the security team lists at a path. */
function signed(path: string): object | undefined {
  const repository = join(vendor.directory, 'workspace/repository');
  const versions = readdirSync(join(repository, 'metadata')).flatMap((name) => {
    const version = /^(\d+)\.security\.json$/.exec(name)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
  const newest = join(repository, 'metadata', `${Math.max(...versions)}.security.json`);
  const entry = JSON.parse(readFileSync(newest, 'utf8')).signed.targets[path];
  if (entry === undefined) return undefined;
  const file = path.replace('advisories/', `advisories/${entry.hashes.sha256}.`);
  return JSON.parse(readFileSync(join(repository, 'targets', file), 'utf8'));
}

describe('what an advisory says to people', () => {
  const details = {
    ...{ schema: 'fairlead/advisory-details@1', advisory: 'FL-2026-1' },
    aliases: ['GHSA-jfh8-c2jp-5v3q'],
    cvss: [V31],
    references: [{ kind: 'fix', url: 'https://e.com/1' }],
    ...{ impact: 'Reads mail.', action: 'Rotate tokens.', exploitedSince: '2026-01-02T00:00:00Z' },
  };
  const options = [
    ...['--alias', 'GHSA-jfh8-c2jp-5v3q', '--cvss', V31, '--reference', 'fix=https://e.com/1'],
    ...['--impact', 'Reads mail.', '--action', 'Rotate tokens.'],
    ...['--exploited-since', '2026-01-02T00:00:00Z'],
  ];

  it('is signed beside it, and the advisory itself is what it would be without', async () => {
    const alone = (await publish(...plain('FL-2026-1'))).advisory;

    const answer = await publish(...plain('FL-2026-1'), ...options);

    expect(answer).toMatchObject({ advisory: alone, details });
    expect(signed('advisories/FL-2026-1.json')).toEqual(alone);
    expect(signed('advisories/FL-2026-1.details.json')).toEqual(details);
    expect((await publish(...plain('FL-2026-1'), ...options)).signed).toEqual([{ kind: 'unchanged' }]);
  });

  it('comes from a file as well', async () => {
    const { schema: _, advisory: __, ...parts } = details;
    const file = await vendor.write('a.json', { ...signed('advisories/FL-2026-1.json'), details: parts });

    expect((await publish('--file', file)).signed).toEqual([{ kind: 'unchanged' }]);
  });

  it('stays when the advisory is withdrawn, and goes where it is published without', async () => {
    await vendor.json('advisory', 'withdraw', 'FL-2026-1');
    expect(signed('advisories/FL-2026-1.details.json')).toEqual(details);

    await publish(...plain('FL-2026-1'));

    expect(signed('advisories/FL-2026-1.details.json')).toBeUndefined();
  });

  it('makes an order one of a hole in use, whether or not that is said twice', async () => {
    const critical = [...plain('FL-2026-2', 'critical'), '--deadline', '2099-01-01T00:00:00Z'];
    const since = ['--exploited-since', '2026-01-02T00:00:00Z'];

    expect((await publish(...critical, ...since)).terms).toMatchObject({ exploited: true });
    expect((await publish(...critical, ...since, '--exploited')).signed).toEqual([{ kind: 'unchanged' }]);
    expect((await publish(...critical)).terms).toBeUndefined();
    expect((await publish(...plain('FL-2026-3', 'low'), ...since)).terms).toBeUndefined();
  });

  it.each([
    ['--exploited-since', ['--exploited-since', '2098-01-01T00:00:00Z']],
    ['--alias', ['--alias', 'FL-2026-4']],
    ['--cvss', ['--cvss', V31, '--cvss', `${V31}/E:P`]],
    ['--impact', ['--impact', 'x'.repeat(5_001)]],
    ['--reference', ['--reference', 'javascript:alert(1)']],
  ])('is refused with %s named, and nothing is signed', async (flag, more) => {
    const before = vendor.server.publications();

    const answer = await vendor.run('advisory', 'publish', ...plain('FL-2026-4'), ...more);

    expect([answer.status, answer.err]).toEqual([2, expect.stringContaining(flag)]);
    expect(vendor.server.publications()).toBe(before);
  });
});
