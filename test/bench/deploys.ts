// How long an update of the files takes, durable and verified, beside what people do by hand: rsync, an archive by curl, `npm ci`.
import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { hexOf } from '../../shared/encoding/digest.ts';
import { encodePatchList, patchListPath } from '../../shared/protocol/patches.ts';
import { packPath, patchPath } from '../../shared/protocol/publication.ts';
import type { TreeRef } from '../../shared/schema/release.ts';
import { compareBoth } from './comparisons.ts';
import { forgetRegistry, NPM_OPTIONS, provideCorpus, type TreePair } from './corpus.ts';
import type { DeployTook } from './deploy-child.ts';
import type { Comparison, Figures } from './figures.ts';
import { patchProgram } from './patch-child.ts';
import { runNode } from './processes.ts';
import { type Contender, interleave, ROUNDS, runShell, type Took } from './rounds.ts';
import { proveSameTree } from './same-tree.ts';
import { generatePair } from './sample-tree.ts';
import { lacking, type Tool, versionsOf } from './tools.ts';
import { runTreeAct } from './trees.ts';

/** On a machine that does much else, the first release alone takes half a minute: it is fetched whole, and is not measured. */
const LIMIT_MS = 10 * 60_000;

/** Patch releases: of what updates mostly are. */
const NAMES = ['node-red 4.0.8 → 4.0.9', 'verdaccio 6.10.3 → 6.10.4', 'postgresql-15'];

export async function measureDeploys(work: string, isOffline: boolean): Promise<Figures> {
  const { pairs, skipped } = isOffline
    ? { pairs: [generatePair(join(work, 'pair'))], skipped: [] }
    : await provideCorpus(NAMES);
  const comparisons: Comparison[] = [];
  const program = patchProgram(work, isOffline);
  for (const [place, pair] of pairs.entries()) {
    const directory = join(work, `deploy-${place}`);
    comparisons.push(...(await comparePair(pair, directory, program)));
    rmSync(directory, { recursive: true });
  }
  const note =
    'An install that has the first release gets the second over loopback: Fairlead in a process that runs already, from the ' +
    'question for patches to the committed record, the patch applied by the executable, every file verified and on the disk for good, services of the command driver ' +
    'that need no time; rsync from a directory of this disk, in which what did not change has the time that it had; curl from ' +
    'the same server; npm from its warm cache. What is removed between two rounds makes new files dearer for all of them, where the file system is ext4 ' +
    '([ADR 151](adr/0151-places-made-beside-what-fills-them.md)). Each of them verifies nothing, and ends with the link `current` turned and its files on the disk for good (`sync -f`). ' +
    `Beside ${versionsOf('rsync', 'curl', 'tar', 'npm')}.`;
  return { title: 'A deployment of files', note: [note, ...skipped].join(' '), comparisons };
}

interface Place {
  readonly pair: TreePair;
  readonly work: string;
  readonly url: string;
  /** Of both trees, as JSON. */
  readonly refs: readonly [from: string, to: string];
  /** What applies a patch. */
  readonly program: readonly string[];
}

interface Way extends Contender<Took> {
  readonly goal: number;
  readonly skip?: string;
}

/** Services with an account of their own must find their way through `work`. */
export async function comparePair(
  pair: TreePair,
  work: string,
  program: readonly string[],
  rounds = ROUNDS,
): Promise<readonly Comparison[]> {
  const repository = join(work, 'repository');
  const refs = await publish(pair, repository);
  const server = await serveFiles(work);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const place = { pair, work, url, refs, program };
    const ours = ourWay(place);
    const others = [
      await rsyncWay(place),
      await curlWay(place),
      ...(pair.isNpm ? [await npmWay(place)] : []),
    ];
    const asked = others.filter(({ skip }) => skip === undefined);
    settleDisk(work);
    const [us = [], ...them] = await interleave<Took>([ours, ...asked], rounds);
    return others.flatMap((way) => {
      const { name, goal, skip } = way;
      const took = them[asked.indexOf(way)] ?? [];
      return compareBoth(pair.name, us, { name, goal, took, ...(skip === undefined ? {} : { skip }) });
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** As a release server has it: both packs, the patch, and the list of patches. */
async function publish({ from, to }: TreePair, repository: string): Promise<Place['refs']> {
  const file = (path: string) => {
    mkdirSync(dirname(join(repository, path)), { recursive: true });
    return join(repository, path);
  };
  const packed = join(repository, 'pack');
  mkdirSync(repository, { recursive: true });
  const refs = [];
  for (const directory of [from, to]) {
    const { ref } = await runTreeAct('pack', directory, packed);
    await cp(packed, file(packPath(hexOf(ref.digest))));
    refs.push(ref);
  }
  const [old, next] = refs;
  if (old === undefined || next === undefined) throw new Error('nothing was packed');
  const [toHex, fromHex] = [hexOf(next.digest), hexOf(old.digest)];
  const patch = file(patchPath(toHex, fromHex));
  await runTreeAct('make', patch, from, to);
  const list = encodePatchList({
    full: statSync(packed).size,
    patches: [{ from: old.digest, bytes: statSync(patch).size }],
  });
  writeFileSync(file(patchListPath(toHex)), list);
  return [JSON.stringify(old), JSON.stringify(next)];
}

/** What a release server answers a download with; it knows no ranges, and nobody asks for any here. */
async function serveFiles(directory: string): Promise<Server> {
  const server = createServer((request, response) => {
    const file = createReadStream(join(directory, new URL(request.url ?? '/', 'http://-').pathname));
    file.once('error', () => response.writeHead(404).end());
    file.once('open', () => {
      response.writeHead(200, { 'content-length': statSync(file.path).size });
      file.pipe(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function ourWay({ pair, work, url, refs, program }: Place): Contender<Took> {
  const state = join(work, 'state');
  const { digest } = JSON.parse(refs[1]) as TreeRef;
  return {
    name: 'Fairlead',
    run: async () => {
      mkdirSync(state);
      const words = [join(import.meta.dirname, 'deploy-child.ts'), url, state, ...refs, ...program];
      const output = await runNode(words, { limitMs: LIMIT_MS });
      const took = JSON.parse(output ?? 'null') as DeployTook | null;
      if (took?.way !== 'patch') throw new Error(`${pair.name} came by ${took?.way ?? 'no way in time'}`);
      return took;
    },
    prove: () => {
      proveSameTree(
        pair.to,
        join(state, 'store/trees', hexOf(digest), 'files'),
        `the deployment of ${pair.name}`,
      );
      rmSync(state, { recursive: true });
      settleDisk(work);
    },
  };
}

/** What one run leaves to be written is not on the account of the next, which waits for the disk. */
function settleDisk(directory: string): void {
  execFileSync('sync', ['-f', directory]);
}

/** A way that writes the new release to `$target`; the link is turned behind it. */
function byHand(
  { pair, work }: Place,
  way: { readonly name: string; readonly goal: number; readonly tools: readonly Tool[] },
  command: string,
  environment: NodeJS.ProcessEnv,
): Way {
  const { name, goal, tools } = way;
  const target = join(work, 'target');
  const skip = lacking(...tools);
  const env = { ...environment, target, current: join(work, 'current') };
  return {
    ...{ name, goal, ...(skip === undefined ? {} : { skip }) },
    run: () => {
      mkdirSync(target);
      return runShell(`${command}; sync -f "$target"; ln -sfn "$target" "$current"; sync -f "$current"`, env);
    },
    prove: () => {
      forgetRegistry(target);
      proveSameTree(pair.to, target, `${name} of ${pair.name}`);
      rmSync(target, { recursive: true });
      settleDisk(work);
    },
  };
}

async function rsyncWay(place: Place): Promise<Way> {
  const [base, source] = [join(place.work, 'base'), join(place.work, 'source')];
  const way = { name: 'rsync --link-dest', goal: 0.5, tools: ['rsync'] as const };
  // As a build leaves them that writes what changed alone: rsync then looks at times and sizes, and at no content.
  const times = 'find "$base" "$source" -exec touch -h -d @0 {} +';
  const news = 'cd "$source"; find . -type f -exec sh -c \'cmp -s "$1" "$base/$1" || touch "$1"\' - {} \\;';
  const env = { base, source, from: place.pair.from, to: place.pair.to };
  await runShell(`cp -a "$from" "$base"; cp -a "$to" "$source"; ${times}; ${news}`, env);
  return byHand(place, way, 'rsync -a --link-dest="$base" "$source/" "$target/"', env);
}

async function curlWay(place: Place): Promise<Way> {
  const way = { name: 'curl, tar xz', goal: 0.5, tools: ['curl', 'tar'] as const };
  const [archive, address] = [join(place.work, 'new.tar.gz'), `${place.url}/new.tar.gz`];
  await runShell('tar -czf "$archive" -C "$to" .', { archive, to: place.pair.to });
  return byHand(place, way, 'curl -sSf "$address" | tar -xz -C "$target"', { address });
}

async function npmWay(place: Place): Promise<Way> {
  const way = { name: 'npm ci, warm', goal: 0.3, tools: ['npm'] as const };
  const install = `cp "$to"/package*.json "$target/"; cd "$target"; npm ci --prefer-offline ${NPM_OPTIONS.join(' ')}`;
  const npm = byHand(place, way, install, { to: place.pair.to });
  if (npm.skip !== undefined) return npm;
  // Once uncounted: the cache is warm then.
  await npm.run();
  await npm.prove?.();
  return npm;
}
