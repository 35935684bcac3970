// Metadata by its difference: what an agent fetches after one more release, and that nobody who lies about it gains anything.
import { beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { makeDifference } from '../../../../shared/trust/difference.ts';
import { RepositorySimulator } from '../../../support/repository-simulator.ts';
import { newClient, type TrustClient } from '../../../support/trust-client.ts';

const RELEASES = 300;

describe('an agent that has the version before', () => {
  let vendor: RepositorySimulator;
  let client: TrustClient;
  let released = 0;

  const release = () => {
    vendor.addTarget('targets', `capabilities/core/c${1_000 + released}/1.0.0.json`, `release ${released++}`);
  };
  const publish = () => {
    release();
    vendor.publish('targets', 'snapshot', 'timestamp');
  };
  const asked = () => vendor.requests.splice(0).filter((name) => name.startsWith('targets '));

  beforeEach(async () => {
    vendor = new RepositorySimulator();
    vendor.listsHashes = true;
    for (released = 0; released < RELEASES; ) release();
    vendor.publish('targets', 'snapshot', 'timestamp');
    client = await newClient(vendor);
    expect(await client.refresh()).toBe('ok');
    // Small before: nothing to begin with.
    expect(asked()).toEqual(['targets 2']);
  });

  it('fetches the difference, and nothing else of it', async () => {
    publish();

    expect(await client.find(`capabilities/core/c${1_000 + RELEASES}/1.0.0.json`)).toBe('found');
    expect(asked()).toEqual(['targets 2..3']);
    expect(client.trusted()).toMatchObject({ targets: 3 });
  });

  it('does so when it slept through a few, and fetches the file when it slept through many', async () => {
    for (let i = 0; i < 8; i++) publish();
    expect(await client.refresh()).toBe('ok');
    expect(asked()).toEqual(['targets 2..10']);

    for (let i = 0; i < 9; i++) publish();
    expect(await client.refresh()).toBe('ok');
    expect(asked()).toEqual(['targets 10..19', 'targets 19']);
  });

  it('fetches the file from a server of before there were differences', async () => {
    vendor.isOfBeforeDifferences = true;
    publish();

    expect(await client.refresh()).toBe('ok');
    expect(asked()).toEqual(['targets 2..3', 'targets 3']);
  });

  const lies: readonly (readonly [name: string, difference: () => Uint8Array])[] = [
    ['rubbish', () => utf8('<html>')],
    ['what makes the file of before', () => makeDifference(vendor.current('targets'), old()) ?? utf8('')],
    [
      'a file of this length with one letter changed',
      () => utf8(Buffer.from(honest()).toString().replace('c1300', 'c1399')),
    ],
    ['the old file a hundred times', () => said(Array.from({ length: 100 }, () => [0, old().length]))],
    ['what lies behind the end', () => said([[old().length, vendor.current('targets').length]])],
    ['nothing', () => said([])],
  ];
  const said = (parts: unknown) => utf8(JSON.stringify({ schema: 'fairlead/metadata-difference@1', parts }));
  const old = () => vendor.published.get('targets')?.[1] ?? new Uint8Array();
  const honest = () => makeDifference(old(), vendor.current('targets')) ?? new Uint8Array();

  it.each(lies)('fetches the file where the difference is %s', async (_, lie) => {
    publish();
    vendor.differences.set('targets 2..3', lie());

    expect(await client.refresh()).toBe('ok');
    expect(asked()).toEqual(['targets 2..3', 'targets 3']);
    expect(client.store.files.get('targets.json')).toEqual(vendor.current('targets'));
  });

  it('fetches the file where the server says nothing of a difference', async () => {
    publish();
    vendor.failures.set('targets 2..3', 503);

    expect(await client.refresh()).toBe('ok');
    expect(asked()).toEqual(['targets 2..3', 'targets 3']);
  });

  it('fetches the file where its disk holds something else by now', async () => {
    client.store.files.set('targets.json', utf8('{"signed":{"version":2,"x":1}}'));
    publish();

    expect(await client.refresh()).toBe('ok');
    expect(asked().at(-1)).toBe('targets 3');
  });

  it('asks for none, and makes nothing, where the snapshot lists more than metadata may measure', async () => {
    publish();
    const [length, times] = [4_000 * old().length, 4_000];
    vendor.snapshot.meta['targets.json'].length = length;
    vendor.publish('snapshot', 'timestamp');
    vendor.differences.set('targets 2..3', said(Array.from({ length: times }, () => [0, old().length])));
    const before = process.memoryUsage().arrayBuffers;

    expect(await client.refresh()).toBe('trust/length-mismatch');
    expect(asked()).toEqual(['targets 3']);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 2 ** 20);
  });

  it('believes none that makes what no key of the role signed', async () => {
    vendor.signers.set('targets', []);
    publish();

    expect(await client.refresh()).toBe('trust/threshold');
    expect(client.trusted()).toMatchObject({ targets: 2 });
  });
});
