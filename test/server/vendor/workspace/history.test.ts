// What a workspace remembers of a long history, and everything that makes it read again.
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findAct } from '../../../../server/vendor/workspace/audit.ts';
import { writeChange } from '../../../../server/vendor/workspace/changes.ts';
import { readPublished } from '../../../../server/vendor/workspace/documents.ts';
import {
  findChange,
  listKnownChanges,
  rememberChanges,
} from '../../../../server/vendor/workspace/known-changes.ts';
import { listKnownReleases } from '../../../../server/vendor/workspace/known-documents.ts';
import { openChange } from '../../../../shared/change/pipeline.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { parseVersion } from '../../../../shared/version/version.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { digestOfText } from '../../../support/publications.ts';
import { rubbishOf } from '../../../support/rubbish-files.ts';
import { createVendor, type Vendor } from '../../../support/vendor.ts';

const LATER_MS = 60_000;

describe('what is known of changes', () => {
  let directory: string;
  const fileOf = (id: string) => join(directory, 'changes', `${id}.json`);
  const memory = () => join(directory, 'known-changes.json');
  const write = (number: number, scope: string) => {
    const about = {
      component: 'core/auth',
      version: parseVersion(`1.0.${number}`),
      revision: 'git:1',
      scope,
    };
    return writeChange(
      directory,
      openChange({ id: `CHG-${number}`, ...about }, '2026-01-01T10:00:00Z', 'anna'),
    );
  };
  const digests = async () => (await listKnownChanges(directory)).map(({ digest }) => digest);

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'fairlead-known-'));
    await mkdir(join(directory, 'changes'));
    for (const number of [1, 2, 10]) await write(number, 'a change');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + LATER_MS });
    await rememberChanges(directory);
  });
  afterEach(async () => {
    vi.useRealTimers();
    await rm(directory, { recursive: true });
  });

  it('is not read again', async () => {
    const marked = digestOfText('a mark that no record has');
    const text = await readFile(memory(), 'utf8');
    const [first = marked] = await digests();
    await writeFile(memory(), text.replace(hexOf(first), hexOf(marked)));

    expect((await digests())[0]).toBe(marked);
    expect((await listKnownChanges(directory)).map(({ id }) => id)).toEqual(['CHG-1', 'CHG-2', 'CHG-10']);
  });

  it('is read again of a record that was edited in its place, whatever the editor made of its times', async () => {
    const before = await digests();
    const { atime, mtime } = await stat(fileOf('CHG-2'));
    // A record of another file's content would be refused; this one is whole, of the same length.
    const edited = (await readFile(fileOf('CHG-2'), 'utf8')).replace('"anna"', '"hans"');
    await writeFile(fileOf('CHG-2'), edited);
    await utimes(fileOf('CHG-2'), atime, mtime);

    expect((await digests())[1]).not.toBe(before[1]);
  });

  it('is read again of a record that another took the place of', async () => {
    const before = await digests();
    await write(10, 'b change');

    expect((await digests())[2]).not.toBe(before[2]);
    expect((await findChange(directory, 'core/auth@1.0.10')).scope).toBe('b change');
  });

  it('is not remembered of what was written a moment ago: the next write may leave no trace', async () => {
    await rm(memory());
    vi.useRealTimers();
    await write(1, 'a change');
    await rememberChanges(directory);

    const text = await readFile(memory(), 'utf8').catch(() => '');
    expect(text).not.toContain('CHG-1\\t');
  });

  it.each([
    ['nothing', ''],
    ['something else', '{"schema":"fairlead/known-changes@9"}'],
    ['half of it', '{"schema":'],
    [
      'other lines',
      JSON.stringify({ schema: 'fairlead/known-changes@2', changes: 'CHG-1\tcore/auth\n\nCHG-2' }),
    ],
  ])('is read anew where the memory holds %s', async (_, text) => {
    const before = await digests();
    await writeFile(memory(), text);

    expect(await digests()).toEqual(before);
  });

  it.each([
    ['stage', '\\tbuild\\t', '\\tlunch\\t'],
    ['result', '\\topen\\t', '\\tclosed\\t'],
    ['digest', /[0-9a-f]{64}/, 'abc'],
  ])('is read anew of a record of which the memory says no %s', async (_, is, other) => {
    const before = await listKnownChanges(directory);
    const text = await readFile(memory(), 'utf8');
    expect(text).toMatch(is);
    await writeFile(memory(), text.replace(is, other));

    expect(await listKnownChanges(directory)).toEqual(before);
  });

  it('is refused where a file holds the record of another change', async () => {
    await copyFile(fileOf('CHG-2'), fileOf('CHG-11'));

    const refusal = await rejectionOf(listKnownChanges(directory));
    expect(dataOf(refusal, 'vendor/record-invalid').change).toBe('CHG-11');
  });

  it('is refused where a record is no longer what its stages say', async () => {
    await writeFile(
      fileOf('CHG-1'),
      (await readFile(fileOf('CHG-1'), 'utf8')).replace('"a change"', '"x change"'),
    );

    expect((await rejectionOf(listKnownChanges(directory))).code).toBe('vendor/record-invalid');
  });
});

describe('what the server was told', () => {
  it('is read of twenty thousand changes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'fairlead-known-'));
    const ids = Array.from({ length: 20_000 }, (_, i) => [`CHG-${i + 1}`, digestOfText('a change')]);
    const published = { schema: 'fairlead/published@1', changes: Object.fromEntries(ids) };
    await writeFile(join(directory, 'published.json'), JSON.stringify(published));

    expect((await readPublished(directory)).size).toBe(20_000);
    await rm(directory, { recursive: true });
  });
});

describe('a workspace with a history', () => {
  let vendor: Vendor;
  const file = (name: string) => join(vendor.directory, 'workspace', name);
  beforeAll(async () => {
    vendor = await createVendor();
  });
  afterAll(() => vendor.close());

  it.each(['{}', '{"schema":"fairlead/audit-proved@1"}', 'x'])(
    'goes on where what was proved of the audit is lost to %s',
    async (text) => {
      const id = await vendor.release(`core/proved@1.0.${text.length}`);
      await writeFile(file('audit-proved.json'), text);
      await vendor.json('rollout', 'start', id);

      expect(await findAct(file(''), 'build', id)).toMatchObject({ action: 'build', subject: id });
      await vendor.json('audit', 'verify');
    },
  );

  it('finds the last act of a kind, and none that only speaks of it', async () => {
    const id = await vendor.release('core/halted@1.0.0');
    const reason = `"subject":"${id}"`;
    await vendor.json('rollout', 'start', id);
    await vendor.json('rollout', 'halt', id, '--reason', reason);

    expect(await findAct(file(''), 'release', id)).toMatchObject({ action: 'release' });
    expect(await findAct(file(''), 'rollout halt', id)).toBeNull();
    expect(await findAct(file(''), 'build', 'CHG-77')).toBeNull();
  });

  it('knows a release as withdrawn as soon as its rollout says so', async () => {
    const id = await vendor.release('core/auth@1.0.0', { requiredStop: true });
    await vendor.json('rollout', 'start', id);
    const before = await listKnownReleases(file(''));
    await vendor.json('withdraw', id);

    const known = { component: 'core/auth', version: '1.0.0', requiredStop: true };
    expect(before).toContainEqual({ ...known, withdrawn: false });
    expect(await listKnownReleases(file(''))).toContainEqual({ ...known, withdrawn: true });
  });

  it('remembers what the server was told of each change, not of the last alone', async () => {
    const first = await vendor.release('core/told@1.0.0');
    const second = await vendor.release('core/told@1.0.1');

    const told = await readPublished(file(''));
    expect([told.has(first), told.has(second)]).toEqual([true, true]);
  });

  it('reads no document again that it remembers, and each that it does not', async () => {
    await vendor.release('core/read@1.0.0');
    const known = await listKnownReleases(file(''));
    const folder = file('repository/targets/capabilities/core/read');
    const aside = file('aside');
    await rename(folder, aside);

    expect(await listKnownReleases(file(''))).toEqual(known);
    await rm(file('known-documents.json'));
    expect((await rejectionOf(listKnownReleases(file('')))).code).toBe('vendor/repository-invalid');
    await rename(aside, folder);
  });

  it.each(rubbishOf('fairlead/known-documents@2'))(
    'is read from the documents where what was remembered of them is %s',
    async (_, rubbish) => {
      const known = await listKnownReleases(file(''));
      await writeFile(file('known-documents.json'), rubbish);

      expect(await listKnownReleases(file(''))).toEqual(known);
    },
  );

  it('refuses the next act where an early line of the audit is another by now', async () => {
    const text = await readFile(file('audit.jsonl'), 'utf8');
    expect(await readFile(file('audit-proved.json'), 'utf8')).toContain(`"length":${text.length}`);
    await writeFile(file('audit.jsonl'), text.replace('"action":"build"', '"action":"bribe"'));

    expect(
      await vendor.refusal(
        'change',
        'open',
        '--component',
        'core/api',
        '--version',
        '1.0.0',
        '--revision',
        'r',
        '--scope',
        's',
      ),
    ).toBe('vendor/audit-broken');
  });
});
