// How long a metadata refresh takes, beside tuf-js, from one repository over loopback HTTP.
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { DAY_MS, RepositorySimulator } from '../support/repository-simulator.ts';
import { type Figures, formatMs } from './figures.ts';
import { runNode } from './processes.ts';
import type { RefreshTimes } from './refresh-child.ts';

/** One run where a client may need most of a minute. */
const CASES = [
  { targets: 100, runs: 7 },
  { targets: 1_000, runs: 7 },
  { targets: 10_000, runs: 1 },
];
const LIMIT_MS = 20_000;

export async function measureMetadata(work: string): Promise<Figures> {
  const rows: string[][] = [];
  for (const { targets, runs } of CASES) {
    const repository = createRepositoryOf(targets);
    const rootFile = join(work, `${targets}.root.json`);
    writeFileSync(rootFile, repository.initialRoot());
    const server = await serve(repository);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata/`;
    const measure = (client: string) => runClient(client, url, rootFile, join(work, `${targets}`), runs);
    const ours = await measure('fairlead');
    const theirs = await measure('tuf-js');
    server.close();
    const count = targets.toLocaleString('en');
    rows.push([count, 'first refresh', show(ours?.firstMs), show(theirs?.firstMs)]);
    rows.push([count, 'nothing new', show(ours?.againMs, '–'), show(theirs?.againMs, '–')]);
  }
  return {
    title: 'Metadata refresh',
    note:
      'Each client in a process of its own with its code loaded, over loopback HTTP, every refresh from what the disk holds; medians of 7 runs, ' +
      'one run at 10,000 targets. Fairlead writes what it trusts with fsync.',
    head: ['targets', 'what', 'Fairlead', 'tuf-js'],
    rows,
  };
}

/** Null when the client was not done in time. */
async function runClient(
  client: string,
  url: string,
  rootFile: string,
  work: string,
  runs: number,
): Promise<RefreshTimes | null> {
  const script = join(import.meta.dirname, 'refresh-child.ts');
  const output = await runNode([script, client, url, rootFile, work, String(runs)], { limitMs: LIMIT_MS });
  return output === null ? null : (JSON.parse(output) as RefreshTimes);
}

function show(ms: number | undefined, otherwise = `> ${formatMs(LIMIT_MS)}`): string {
  return ms === undefined ? otherwise : formatMs(ms);
}

function createRepositoryOf(targets: number): RepositorySimulator {
  const repository = new RepositorySimulator();
  repository.listsHashes = true;
  for (let i = 0; i < targets; i++) {
    repository.addTarget('targets', `capabilities/core/c${i % 100}/1.${i}.0.json`, `release ${i}`);
  }
  const expires = formatInstant(Date.now() + DAY_MS);
  for (const signed of repository.signed.values()) signed.expires = expires;
  repository.publish('root', 'targets', 'snapshot', 'timestamp');
  return repository;
}

async function serve(repository: RepositorySimulator): Promise<Server> {
  const server = createServer((request, response) => {
    const { status, bytes } = repository.answer(request.url ?? '/');
    response.writeHead(status, { 'content-length': bytes.length }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
