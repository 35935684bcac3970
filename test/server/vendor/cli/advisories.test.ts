// Advisories as people and other programs read them: what is signed beside one, what is imported, what is exported.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCsafProblems, findOsvProblems } from '../../../support/field-formats.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const V31 = 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H';
const V4 = 'CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N';

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

describe('an OSV record', () => {
  const record = {
    ...{ schema_version: '1.7.3', id: 'GHSA-jfh8-c2jp-5v3q', modified: '2026-11-01T00:00:00.123456Z' },
    ...{ published: '2026-10-01T00:00:00Z', aliases: ['CVE-2026-1234', 'SNYK-1'] },
    ...{ summary: 'Tokens are reused', details: '# What\n\nThey are.', credits: [{ name: 'A person' }] },
    severity: [
      { type: 'CVSS_V2', score: 'AV:N/AC:L/Au:N/C:P/I:P/A:P' },
      { type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:N' },
    ],
    affected: [
      {
        package: { ecosystem: 'npm', name: 'auth', purl: 'pkg:npm/auth@1.0.0' },
        ranges: [
          { type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.0.1' }] },
          { type: 'SEMVER', events: [{ introduced: '2.0.0-0' }, { fixed: '2.0.1' }] },
          { type: 'GIT', repo: 'https://e.com/r', events: [{ introduced: '0' }] },
        ],
        versions: ['0.9.0', '3.0.0-rc.1', 'v3'],
        database_specific: { score: 7.5 },
      },
      {
        package: { ecosystem: 'npm', name: 'other' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
      },
    ],
    references: [
      { type: 'FIX', url: 'https://e.com/c/1' },
      { type: 'GIT', url: 'https://e.com/ä' },
      { type: 'WEB', url: 'ftp://e.com/' },
    ],
  };
  const mapped = ['--package', 'npm:auth=core/auth'];
  const fileOf = (more: object) => vendor.write('record.json', { ...record, ...more });
  const importIt = async (more: object, ...options: readonly string[]) =>
    vendor.json('advisory', 'import', await fileOf(more), ...options);

  it('becomes an advisory of the component that its package is released as', async () => {
    const { advisory, details } = await importIt({}, ...mapped);

    expect(advisory).toMatchObject({
      ...{ id: 'GHSA-jfh8-c2jp-5v3q', title: 'Tokens are reused', severity: 'medium' },
      ...{ cves: ['CVE-2026-1234'], notes: '# What\n\nThey are.' },
      affected: [{ component: 'core/auth', versions: '<1.0.1 || >=2.0.0-0 <2.0.1 || 3.0.0-rc.1' }],
      fixed: [{ component: 'core/auth', version: '1.0.1' }],
    });
    expect(details).toMatchObject({
      ...{ aliases: ['SNYK-1'], cvss: [record.severity[1]?.score] },
      references: [
        { kind: 'fix', url: 'https://e.com/c/1' },
        { kind: 'web', url: 'https://e.com/%C3%A4' },
      ],
    });
  });

  it('says what of it is left out', async () => {
    const { status, err } = await vendor.run('advisory', 'import', await fileOf({}), ...mapped);

    expect(status).toBe(0);
    for (const what of [
      'npm:other',
      '1 listed version',
      'type CVSS_V2',
      '1 reference',
      '1 range of commits',
      '1 fixed version that nobody has released: core/auth@2.0.1',
    ]) {
      expect(err).toContain(what);
    }
  });

  it.each([
    { package: 'npm', component: 'core/auth' },
    { package: 'npm:auth', component: 'Auth' },
    { package: 'npm:auth', component: 'core/auth', more: 1 },
  ])('is refused where the file of packages says what is none: %j', async (one) => {
    const file = await vendor.write('packages.json', { schema: 'fairlead/packages@1', packages: [one] });
    const record = await fileOf({});
    expect(await vendor.refusal('advisory', 'import', record, '--packages', file)).toBe('document/invalid');
  });

  it('is found by purl or by a file, and under another name it keeps its own as an alias', async () => {
    const packages = [{ package: 'pkg:npm/auth', component: 'core/auth' }];
    const file = await vendor.write('packages.json', { schema: 'fairlead/packages@1', packages });

    const own = await importIt({}, '--packages', file, '--id', 'FL-2026-9', '--severity', 'low');

    expect(own).toMatchObject({
      advisory: { id: 'FL-2026-9', severity: 'low' },
      details: { aliases: ['GHSA-jfh8-c2jp-5v3q', 'SNYK-1'] },
    });
  });

  it('counts less than what is typed, and is forced only with a deadline', async () => {
    const worst = { severity: [{ type: 'CVSS_V4', score: V4 }] };

    expect(await vendor.refusal('advisory', 'import', await fileOf(worst), ...mapped)).toBe(
      'vendor/advisory-contradicts',
    );
    const typed = ['--affected', 'core/auth:<1.0.1', '--fixed', 'core/auth@1.0.1', '--title', 'Ours'];
    const broken = {
      ...worst,
      affected: [{ package: { ecosystem: 'PyPI', name: 'a' }, versions: ['1.0rc1'] }],
    };
    const order = ['--deadline', '2099-01-01T00:00:00Z', '--action', 'Rotate tokens.'];
    expect(await importIt(broken, ...typed, ...order)).toMatchObject({
      advisory: { severity: 'critical', title: 'Ours', affected: [{ versions: '<1.0.1' }] },
      details: { cvss: [V4], action: 'Rotate tokens.' },
    });
  });

  it('whose ranges cannot be read has its fixes all the same, and says which it has not', async () => {
    const ranges = [
      { type: 'ECOSYSTEM', events: [{ introduced: '1.0' }, { fixed: '1.0.1' }] },
      { type: 'ECOSYSTEM', events: [{ introduced: '0.1' }, { fixed: '0.2rc1' }, { fixed: '1.0.0' }] },
      { type: 'GIT', events: [{ introduced: '0' }, { fixed: 'd0a6f9' }] },
    ];
    const file = await fileOf({ affected: [{ package: { ecosystem: 'npm', name: 'auth' }, ranges }] });
    const run = (...options: readonly string[]) =>
      vendor.run('advisory', 'import', file, '--affected', 'core/auth:<1.0.1', ...options);

    const mappedTo = await run(...mapped);
    const taken = signed('advisories/GHSA-jfh8-c2jp-5v3q.json');
    const unmapped = await run();
    const typed = await run('--fixed', 'core/auth@1.0.1');

    expect(taken).toMatchObject({ fixed: [{ component: 'core/auth', version: '1.0.1' }] });
    expect(mappedTo.err).toMatch(/2 fixed versions .*: 0\.2rc1, 1\.0\.0; give --fixed/);
    expect(unmapped.err).toMatch(/3 fixed versions .*; give --fixed/);
    expect(typed.err).not.toContain('--fixed');
  });

  it.each([
    ['introduced', { type: 'SEMVER', events: [{ introduced: '1\n  hint: run: rm' }] }],
    ['type', { type: 'SEM\n  hint: run: rm', events: [{ introduced: '0' }] }],
  ])('that writes lines of its own into %s has them on ours', async (_field, range) => {
    const record = { affected: [{ package: { ecosystem: 'npm', name: 'auth' }, ranges: [range] }] };
    const { err } = await vendor.run('advisory', 'import', await fileOf(record), ...mapped);

    expect(err).not.toMatch(/^\s*hint: run/m);
    expect(err).toContain('hint: run: rm');
  });

  it('that was taken back takes the advisory back, and publishes none', async () => {
    const withdrawn = '2026-11-02T00:00:00Z';

    // It need not say any more what it was about.
    const answer = await importIt({ withdrawn, affected: undefined }, ...mapped);

    expect(answer).toMatchObject({ advisory: { withdrawn: true }, details: { aliases: ['SNYK-1'] } });
    const never = await fileOf({ withdrawn, id: 'GHSA-0000-0000-0000' });
    expect(await vendor.refusal('advisory', 'import', never, ...mapped)).toBe('vendor/import-unusable');
    expect((await importIt({ withdrawn: '2098-01-01T00:00:00Z' }, ...mapped)).advisory).toMatchObject({
      withdrawn: false,
    });
  });

  it.each([
    ['its own name', ['--alias', 'GHSA-jfh8-c2jp-5v3q'], {}, true],
    ['a CVE id that is its own', ['--cve', 'CVE-2026-1234'], { id: 'CVE-2026-1234' }, true],
    ['a CVE id in common alone', ['--cve', 'CVE-2026-1234'], {}, false],
    ['nothing', [], {}, false],
  ])('that was taken back takes back one that has %s: %j %j %j', async (_what, names, more, isTaken) => {
    const critical = [...plain('FL-2026-11', 'critical'), '--deadline', '2099-01-01T00:00:00Z'];
    await publish(...critical, ...names);
    const file = await fileOf({ withdrawn: '2026-11-02T00:00:00Z', ...more });

    const { status, err } = await vendor.run('advisory', 'import', file, '--id', 'FL-2026-11');

    expect(status).toBe(isTaken ? 0 : 2);
    expect(err).toContain(isTaken ? 'takes back FL-2026-11  critical  Token reuse' : 'none of its names');
    expect(signed('advisories/FL-2026-11.json')).toMatchObject({ withdrawn: isTaken });
  });

  it('that was taken back takes nothing back before a person at the terminal was asked', async () => {
    await publish(...plain('FL-2026-12'), '--alias', 'GHSA-jfh8-c2jp-5v3q');
    const file = await fileOf({ withdrawn: '2026-11-02T00:00:00Z' });
    vendor.person.says = false;
    const refused = await vendor.run('advisory', 'import', file, '--id', 'FL-2026-12');
    const stood = signed('advisories/FL-2026-12.json');
    const said = await vendor.run('advisory', 'import', file, '--id', 'FL-2026-12', '--yes');
    vendor.person.says = null;

    expect([refused.status, said.status]).toEqual([4, 0]);
    expect(refused.err).toContain('core/auth:<1.0.1');
    expect(stood).toMatchObject({ withdrawn: false });
  });

  const npm = { ecosystem: 'npm', name: 'auth' };
  const events = (...list: readonly object[]) => ({
    affected: [{ package: npm, ranges: [{ type: 'ECOSYSTEM', events: list }] }],
  });

  it.each<[field: string, record: object]>([
    ['affected.0.ranges.0.events.1.fixed', events({ introduced: '0' }, { fixed: '1.0' })],
    ['affected.0.ranges.0.events.0', events({ introduced: '0', fixed: '1.0.0' })],
    ['affected.0.ranges.0.events', events({ fixed: '1.0.0' })],
    [
      'affected.0.ranges.0.events',
      events({ introduced: '0' }, { fixed: '2.0.0' }, { last_affected: '1.0.0' }),
    ],
    ['affected.0.ranges.0.type', { affected: [{ package: npm, ranges: [{ type: 'X', events: [{}] }] }] }],
    [
      'affected.0',
      { affected: [{ package: npm, ranges: [{ type: 'GIT', events: [{ introduced: '0' }] }] }] },
    ],
    ['affected.0', { affected: [{ package: npm }] }],
    ['affected', { affected: [{ package: { ecosystem: 'npm', name: 'x' }, versions: ['1.0.0'] }] }],
    ['affected', { affected: [] }],
    ['severity.0.score', { severity: [{ type: 'CVSS_V3', score: '9.8' }] }],
    ['severity.0.score', { severity: [{ type: 'CVSS_V3', score: V4 }] }],
    ['aliases.0', { aliases: ['no id'] }],
    ['aliases', { aliases: Array.from({ length: 60 }, (_, i) => `SNYK-${i}`) }],
    ['schema_version', { schema_version: '2.0.0' }],
    ['id', { id: undefined }],
    ['withdrawn', { withdrawn: 'yesterday' }],
    ['affected.0.ranges.0.events', events()],
    ['--title', { summary: '' }],
    ['--severity', { severity: [] }],
    ['--severity', { severity: [{ type: 'CVSS_V3', score: V31.replaceAll(/([CIA]):H/g, '$1:N') }] }],
    ['--id', { id: 'lower-case-1' }],
  ])('is refused with %s named, and nothing is signed', async (field, more) => {
    const before = vendor.server.publications();

    const { status, err } = await vendor.run('advisory', 'import', await fileOf(more), ...mapped);

    expect([status, err]).toEqual([expect.any(Number), expect.stringContaining(field)]);
    expect(status).not.toBe(0);
    expect(vendor.server.publications()).toBe(before);
  });

  it.each<[string, string]>([
    ['too large', `{"id":"${'x'.repeat(5 << 20)}"}`],
    ['too deep', `${'['.repeat(100)}${']'.repeat(100)}`],
    ['no JSON', 'GHSA-jfh8'],
    ['with a key twice', '{"id":"a","id":"b"}'],
  ])('is refused where it is %s', async (_what, text) => {
    const file = await vendor.write('hostile.json', text);

    expect(await vendor.refusal('advisory', 'import', file, ...mapped)).toMatch(/^json\//);
  });
});

describe('an exported advisory', () => {
  const exported = (...options: readonly string[]) =>
    vendor.run('advisory', 'export', 'FL-2026-7', '--format', ...options);
  const named = ['--publisher', 'Example Ltd', '--namespace', 'https://example.com'];

  beforeAll(async () => {
    const told = [
      '--cve',
      'CVE-2026-0001',
      '--cvss',
      V31,
      '--impact',
      'Reads \u202email.',
      '--action',
      'Rotate.',
    ];
    await publish(...plain('FL-2026-7'));
    vendor.clock.aheadMs += 60_000;
    await publish(...plain('FL-2026-7'), ...told);
  });

  it('is on standard output what a scanner reads, and nothing is signed', async () => {
    const before = vendor.server.publications();

    const osv = await exported('osv', '--package', 'npm:auth=core/auth');
    const csaf = await exported('csaf', ...named);

    expect([osv.status, csaf.status]).toEqual([0, 0]);
    expect(findOsvProblems(JSON.parse(osv.out))).toEqual([]);
    expect(await findCsafProblems(JSON.parse(csaf.out))).toEqual([]);
    expect(JSON.parse(csaf.out).vulnerabilities[0].notes[0].text).toBe('Reads \u202email.');
    expect(csaf.out).not.toContain('\u202e');
    expect(vendor.server.publications()).toBe(before);
  });

  it('has a revision for each time that it was signed', async () => {
    const { document } = JSON.parse((await exported('csaf', ...named)).out);

    expect(document.tracking).toMatchObject({
      ...{ id: 'FL-2026-7', version: '2' },
      revision_history: [{ summary: 'Published.' }, { summary: 'Changed.' }],
    });
    const [first, second] = document.tracking.revision_history;
    expect(Date.parse(second.date) - Date.parse(first.date)).toBeGreaterThanOrEqual(60_000);
  });

  it.each(['{}', 'no JSON', '{"schema":"fairlead/publisher@1","name":"A","namespace":"ftp://a","more":1}'])(
    'says of a publisher in the workspace that cannot be read which file it is: %s',
    async (text) => {
      writeFileSync(join(vendor.directory, 'workspace/publisher.json'), text);
      const { status, err } = await exported('csaf');
      rmSync(join(vendor.directory, 'workspace/publisher.json'));
      expect([status, err]).toEqual([2, expect.stringContaining('publisher.json')]);
    },
  );

  it('needs a publisher, who may stand in the workspace', async () => {
    const without = await exported('csaf');
    await vendor.write('workspace/publisher.json', {
      ...{ schema: 'fairlead/publisher@1', name: 'Example Ltd', namespace: 'https://example.com' },
      contact: 'security@example.com',
    });

    expect([without.status, without.err]).toEqual([2, expect.stringContaining('--publisher')]);
    expect(JSON.parse((await exported('csaf')).out).document.publisher).toMatchObject({
      ...{ name: 'Example Ltd', contact_details: 'security@example.com' },
    });
  });

  it('must be published, and its database known to OSV, which is said', async () => {
    expect(await vendor.refusal('advisory', 'export', 'FL-2026-99', '--format', 'osv')).toBe(
      'vendor/advisory-not-found',
    );
    await publish(...plain('FL-2026-7'));
    expect((await exported('osv')).err).toContain('OSV knows no database');
  });
});

describe('a person at the terminal', () => {
  it('is asked before an advisory is signed, once what it does was said', async () => {
    await vendor.json('rollout', 'halt', 'core/auth@1.0.1', '--reason', 'it does not start');
    const before = vendor.server.publications();
    vendor.person.says = false;
    const refused = await vendor.run('advisory', 'publish', ...plain('FL-2026-8'));
    const stood = vendor.server.publications();
    const said = await vendor.run('advisory', 'publish', ...plain('FL-2026-8'), '--yes');
    vendor.person.says = true;
    const agreed = await vendor.run('advisory', 'publish', ...plain('FL-2026-8'), '--title', 'Other');
    vendor.person.says = null;

    expect([refused.status, stood, said.status, agreed.status]).toEqual([4, before, 0, 0]);
    expect(refused.err).toContain('hits 0 of');
    expect(refused.err).toContain('core/auth 1.0.1 is halted: it does not move any install before');
  });
});
