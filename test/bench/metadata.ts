// How long a metadata refresh takes, beside tuf-js, from one repository over loopback HTTP.
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { digestOf } from '../../shared/encoding/digest.ts';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { DAY_MS, RepositorySimulator } from '../support/repository-simulator.ts';
import { compareBoth } from './comparisons.ts';
import type { Comparison, Figures } from './figures.ts';
import { runNode } from './processes.ts';
import type { Refreshed } from './refresh-child.ts';
import { type Contender, interleave } from './rounds.ts';
import { npmVersion } from './tools.ts';

/** A first refresh warms the compiler up; there is none where a client may need most of a minute. */
const WARM = { runs: 3, warmUps: 1 } as const;
const CASES = [
  { targets: 20, goal: 0.6, ...WARM },
  { targets: 100, goal: 0.5, ...WARM },
  { targets: 500, goal: 0.1, ...WARM },
  { targets: 1_000, goal: 0.1, ...WARM },
  { targets: 10_000, goal: 0.1, runs: 1, warmUps: 0 },
] as const;
const ACTS = [
  ['first', 'first refresh'],
  ['again', 'nothing new'],
] as const;
/** Who leaves files on the disk for good, as we do. */
const DURABLE = ['tuf-js, synced', 'bare fetches'];
/** Of all refreshes of a process. Its code is loaded before they begin. */
const LIMIT_MS = 20_000;
const LOADING_MS = 2_000;

export async function measureMetadata(work: string): Promise<Figures> {
  const comparisons: Comparison[] = [];
  for (const { targets, ...how } of CASES) {
    const repository = createRepositoryOf(targets);
    const server = await serve(repository);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metadata/`;
    for (const [act, words] of ACTS) {
      const directory = join(work, `metadata-${targets}-${act}`);
      write(repository, join(directory, 'trusted'));
      const what = `${words}, ${targets.toLocaleString('en')} targets`;
      comparisons.push(...(await compare(what, { act, url, directory, repository, ...how })));
    }
    server.close();
  }
  return {
    title: 'Metadata refresh',
    note:
      'Each client in a process of its own with its code loaded, over loopback HTTP, every refresh from what the disk holds; of three in a ' +
      'process after a first one the median, at 10,000 targets of one. Fairlead writes what it trusts with fsync, tuf-js without: so it is told of first ' +
      'refreshes a second time, with its files and their directory synced. Bare fetches are the same requests and one synced write of what came, nothing verified: the ' +
      'least that a client takes, and at 500 targets more than a tenth of tuf-js already. In the end each ' +
      `trusts the same bytes. Who was not done with a process's refreshes after ${LIMIT_MS / 1_000} s was stopped, and is told with a refresh's share of them. Beside ${npmVersion('tuf-js')}.`,
    comparisons,
  };
}

interface Case {
  readonly act: (typeof ACTS)[number][0];
  readonly url: string;
  readonly directory: string;
  readonly repository: RepositorySimulator;
  readonly goal: number;
  readonly runs: number;
  readonly warmUps: number;
}

async function compare(what: string, { goal, ...how }: Case): Promise<readonly Comparison[]> {
  const durable = how.act === 'first' && how.warmUps > 0 ? DURABLE : [];
  const [ours = [], theirs = [], ...others] = await interleave([
    contender('fairlead', what, how),
    { ...contender('tuf-js', what, how), mayBeLate: true },
    ...durable.map((name) => contender(name, what, how)),
  ]);
  const limit = LIMIT_MS / (how.runs + how.warmUps);
  const plain = compareBoth(what, ours, { name: 'tuf-js', goal, took: theirs, limit });
  const rest = durable.flatMap((name, i) => compareBoth(what, ours, { name, took: others[i] ?? [] }));
  return [...plain, ...rest.filter(({ measure }) => measure === 'wall')];
}

/** Each round leaves directories that the next one does not find. */
function contender(
  name: string,
  what: string,
  { act, url, directory, repository, runs, warmUps }: Omit<Case, 'goal'>,
): Contender<Refreshed> {
  let round = 0;
  let trusted = '';
  return {
    name,
    run: async () => {
      const script = join(import.meta.dirname, 'refresh-child.ts');
      const place = join(directory, `${name}-${round++}`);
      // A client that finds what another round left has nothing to refresh.
      mkdirSync(place);
      const words = [
        script,
        name,
        act,
        url,
        join(directory, 'trusted'),
        place,
        String(runs),
        String(warmUps),
      ];
      const output = await runNode(words, { limitMs: LIMIT_MS + LOADING_MS });
      if (output === null) return null;
      const refreshed = JSON.parse(output) as Refreshed;
      trusted = refreshed.trusted;
      return refreshed;
    },
    prove: () => {
      const published = repository.published.get('targets')?.at(-1);
      if (published === undefined || trusted !== digestOf(published))
        throw new Error(`${what}: ${name} trusts something else than was published`);
    },
  };
}

/** As a client leaves it that has it all, by the names that tuf-js reads. */
function write(repository: RepositorySimulator, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
    const bytes = role === 'root' ? repository.initialRoot() : repository.published.get(role)?.at(-1);
    if (bytes !== undefined) writeFileSync(join(directory, `${role}.json`), bytes);
  }
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
