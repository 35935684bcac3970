// The journal on a real disk: order, torn ends, damage, and room that is there before it is needed.
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createJournal } from '../../../../agent/adapters/state/journal.ts';
import { decodeFrames, encodeFrame } from '../../../../agent/adapters/state/journal-frames.ts';
import type { JournalEntry } from '../../../../shared/schema/journal.ts';
import { temporaryDirectory } from '../../../support/directories.ts';

const STATES = ['planned', 'fetching', 'staged', 'preflight', 'stopping', 'switching'] as const;

function entries(count: number): readonly JournalEntry[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'entered',
    sequence: index + 1,
    at: '2026-01-31T10:00:00.000Z',
    state: STATES[index % STATES.length] ?? 'planned',
  }));
}

describe('the journal', () => {
  let directory: string;
  const journal = () => createJournal({ stateDir: directory });
  const file = () => join(directory, 'journal', '7.journal');

  async function written(count: number) {
    const first = journal();
    await first.begin(7, 20);
    for (const entry of entries(count)) await first.append(entry);
    return first;
  }

  beforeEach(() => {
    directory = temporaryDirectory();
  });

  it('has nothing to say about an instance on which nothing is unfinished', async () => {
    expect(await journal().read()).toBeNull();
  });

  it('never takes a directory that cannot be read for an instance on which nothing is unfinished', async () => {
    await writeFile(join(directory, 'journal'), 'no directory');

    await expect(journal().read()).rejects.toMatchObject({ code: 'disk/unreadable' });
  });

  it.each([
    ['a directory', () => mkdir(file(), { recursive: true })],
    [
      'a pipe',
      async () => {
        await mkdir(join(directory, 'journal'));
        await promisify(execFile)('mkfifo', [file()]);
      },
    ],
  ])('counts as damaged where %s stands in its place, and is written anew', async (_, put) => {
    await put();
    const next = journal();

    const read = await next.read();
    await next.replace(7, entries(1));

    expect(read).toEqual({ deployment: 7, entries: [], damaged: true });
    expect((await journal().read())?.entries).toEqual(entries(1));
  });

  it('can be written anew where it is gone', async () => {
    await journal().replace(7, entries(1));

    expect((await journal().read())?.entries).toEqual(entries(1));
  });

  it('tells the next process what the last one wrote, and lets it go on', async () => {
    await written(3);
    const next = journal();

    const read = await next.read();
    await next.append(entries(4)[3] as JournalEntry);

    expect(read).toEqual({ deployment: 7, entries: entries(3), damaged: false });
    expect((await journal().read())?.entries).toEqual(entries(4));
  });

  it('reserves its room before the deployment begins', async () => {
    const first = await written(0);
    const { size } = await stat(file());

    for (const entry of entries(6)) await first.append(entry);

    expect((await stat(file())).size).toBe(size);
    expect(size).toBeGreaterThan(encodeFrame(entries(1)[0] as JournalEntry).length * 6);
  });

  it('ignores a last entry that was torn, wherever it was torn, and writes over it', async () => {
    await written(2);
    const torn = Buffer.from(encodeFrame(entries(3)[2] as JournalEntry));
    const start = entries(2).reduce((sum, entry) => sum + encodeFrame(entry).length, 0);
    const whole = await readFile(file());

    for (let kept = 0; kept < torn.length; kept += 7) {
      const bytes = Buffer.from(whole);
      torn.copy(bytes, start, 0, kept);
      await writeFile(file(), bytes);

      const next = journal();
      expect(await next.read()).toEqual({ deployment: 7, entries: entries(2), damaged: false });
      await next.append(entries(3)[2] as JournalEntry);
      expect(await journal().read()).toEqual({ deployment: 7, entries: entries(3), damaged: false });
    }
  });

  it('survives a file that was cut short', async () => {
    await written(2);
    await truncate(file(), encodeFrame(entries(1)[0] as JournalEntry).length + 5);

    expect((await journal().read())?.entries).toEqual(entries(1));
  });

  it('keeps a damaged journal aside and goes on in a new one', async () => {
    await written(4);
    const bytes = await readFile(file());
    bytes.write('?', encodeFrame(entries(1)[0] as JournalEntry).length + 40);
    await writeFile(file(), bytes);
    const next = journal();
    const read = await next.read();

    await next.replace(7, entries(2));
    await next.append(entries(3)[2] as JournalEntry);

    expect(read).toEqual({ deployment: 7, entries: entries(1), damaged: true });
    expect(await journal().read()).toEqual({ deployment: 7, entries: entries(3), damaged: false });
    expect(await readFile(`${file()}.damaged`)).toEqual(bytes);
  });

  it('is gone when its deployment has ended', async () => {
    const first = await written(2);

    await first.end(7);

    expect(await journal().read()).toBeNull();
    expect(await readdir(join(directory, 'journal'))).toEqual([]);
  });
});

describe('journal frames', () => {
  const sound = Buffer.concat(entries(5).map(encodeFrame));
  const lastStart = sound.length - encodeFrame(entries(5)[4] as JournalEntry).length;

  it('say so when any byte before the last entry is changed', () => {
    fc.assert(
      fc.property(fc.nat(lastStart - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(sound);
        bytes[at] = (bytes[at] ?? 0) ^ change;

        expect(decodeFrames(bytes).damaged).toBe(true);
      }),
    );
  });

  it('never report an entry that was not written', () => {
    fc.assert(
      fc.property(fc.nat(sound.length - 1), fc.nat(255), (at, value) => {
        const bytes = Buffer.from(sound);
        bytes[at] = value;

        const read = decodeFrames(bytes).entries;

        expect(entries(5).slice(0, read.length)).toEqual(read);
      }),
    );
  });
});
