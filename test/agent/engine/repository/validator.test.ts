// What the server calls the timestamp's bytes: kept only beside the bytes it came with, bounded, and dropped after any surprise.
import { describe, expect, it } from 'vitest';
import { createHttpSource } from '../../../../agent/adapters/repository/http-source.ts';
import type { GetOptions, HttpAnswer } from '../../../../agent/adapters/server/http-client.ts';
import { startFrom } from '../../../../agent/engine/repository/root-chain.ts';
import { Updater } from '../../../../agent/engine/repository/updater.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { MemoryTrustStore } from '../../../support/memory-trust-store.ts';
import { NOW, REPOSITORY_URLS, RepositorySimulator } from '../../../support/repository-simulator.ts';

const MINUTE_MS = 60_000;

/** A server that says 304 to whoever asks with the name of what it has now, under the names it is told to use. */
async function served(etagOf: (version: number) => string | null) {
  const repository = new RepositorySimulator();
  const asked: (string | undefined)[] = [];
  const get = async (url: string, options: GetOptions): Promise<HttpAnswer> => {
    if (!url.endsWith('/timestamp.json')) return repository.get(url, options);
    asked.push(options.etag);
    const etag = etagOf(repository.published.get('timestamp')!.length);
    if (options.etag !== undefined && options.etag === honest(repository)) return { kind: 'not-modified' };
    const answer = await repository.get(url, options);
    return answer.kind === 'body' ? { ...answer, etag } : answer;
  };
  const store = new MemoryTrustStore();
  await startFrom(store, repository.initialRoot());
  const updater = await Updater.open({ store, source: createHttpSource(REPOSITORY_URLS, { get }) });
  return { repository, updater, asked };
}

const honest = (repository: RepositorySimulator) => `"${repository.published.get('timestamp')!.length}"`;

describe('a name of the timestamp', () => {
  it('spares its bytes while nothing changes', async () => {
    const { updater, asked } = await served((version) => `"${version}"`);

    for (let minute = 0; minute < 3; minute++) await updater.refresh(NOW + minute * MINUTE_MS);

    expect(asked).toEqual([undefined, '"1"', '"1"']);
  });

  it('that is already the next version hides it for a quarter of an hour, not until the next start', async () => {
    const { repository, updater } = await served(() => '"2"');
    await updater.refresh(NOW);
    repository.publish('targets', 'snapshot', 'timestamp');

    const seen: (number | undefined)[] = [];
    for (const minutes of [1, 14, 15]) {
      await updater.refresh(NOW + minutes * MINUTE_MS);
      seen.push(updater.topLevel.timestamp?.version);
    }

    expect(seen).toEqual([1, 1, 2]);
  });

  it.each([
    ['eight kilobytes long', 'x'.repeat(8192)],
    ['a character too long', `"${'x'.repeat(127)}"`],
    ['none', null],
  ])('that is %s is not kept', async (_name, etag) => {
    const { updater, asked } = await served(() => etag);

    await updater.refresh(NOW);
    await updater.refresh(NOW);

    expect(asked).toEqual([undefined, undefined]);
  });

  it('of other bytes under the trusted version is not kept beside the trusted ones', async () => {
    const { repository, updater, asked } = await served((version) => `"${version}"`);
    await updater.refresh(NOW);
    repository.withdraw('timestamp');
    repository.timestamp['x-note'] = 'signed again';
    repository.publish('timestamp');
    repository.publishAs('timestamp', repository.current('timestamp'));

    await updater.refresh(NOW);
    await updater.refresh(NOW);

    expect(asked).toEqual([undefined, '"1"', undefined]);
  });

  it('does not outlive a clock that was set back', async () => {
    const { updater, asked } = await served((version) => `"${version}"`);

    await updater.refresh(NOW);
    await updater.refresh(NOW - MINUTE_MS);

    expect(asked).toEqual([undefined, undefined]);
  });

  it('is dropped when told of a surprise', async () => {
    const { updater, asked } = await served((version) => `"${version}"`);

    await updater.refresh(NOW);
    updater.topLevel.dropValidator();
    await updater.refresh(NOW);

    expect(asked).toEqual([undefined, undefined]);
  });
});

it('takes "not modified" for a refusal when nothing was asked that could be', async () => {
  const { repository } = await served(() => null);
  const store = new MemoryTrustStore();
  await startFrom(store, repository.initialRoot());
  const get = async (url: string, options: GetOptions): Promise<HttpAnswer> =>
    url.endsWith('/timestamp.json') ? { kind: 'not-modified' } : repository.get(url, options);
  const updater = await Updater.open({ store, source: createHttpSource(REPOSITORY_URLS, { get }) });

  expect((await rejectionOf(updater.refresh(NOW))).code).toBe('transport/refused');
});
