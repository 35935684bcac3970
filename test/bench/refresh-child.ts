// One TUF client in a process of its own: refreshes several directories, once its code is loaded, and prints what that took.
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { open, readdir, rename } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { type Digest, digestOf } from '../../shared/encoding/digest.ts';
import { median } from './figures.ts';
import { type Took, take } from './rounds.ts';

export interface Refreshed extends Took {
  /** Of the targets metadata that it trusts in the end. */
  readonly trusted: Digest;
}

/** Brings a directory's trust up to date, as a program does that has just started. */
type Refresh = (directory: string) => Promise<void>;

interface Client {
  readonly refresh: Refresh;
  /** Before the first refresh of all; or, where the next finds nothing new, as one has left it. */
  begin(directory: string, act: string): Promise<void>;
}

const [name = '', act = '', url = '', trusted = '', work = '', runs = '1', warmUps = '0'] =
  process.argv.slice(2);
const client = await createClient();
const tooks: Took[] = [];
let directory = '';
for (let run = 0; run < Number(runs) + Number(warmUps); run++) {
  directory = join(work, String(run));
  await client.begin(directory, act);
  const took = await take(() => client.refresh(directory));
  if (run >= Number(warmUps)) tooks.push(took);
}
const result: Refreshed = {
  wallMs: median(tooks.map(({ wallMs }) => wallMs)),
  cpuMs: median(tooks.map(({ cpuMs }) => cpuMs)),
  trusted: digestOf(readFileSync(join(directory, 'targets.json'))),
};
console.log(JSON.stringify(result));
process.exit();

async function createClient(): Promise<Client> {
  if (name === 'fairlead') return await createFairlead();
  if (name === 'bare fetches') return createBare();
  const tufJs = await createTufJs();
  if (name === 'tuf-js') return tufJs;
  const refresh: Refresh = async (place) => {
    await tufJs.refresh(place);
    await Promise.all((await readdir(place)).map((file) => sync(join(place, file))));
    await sync(place);
  };
  return { ...tufJs, refresh };
}

async function sync(path: string, bytes?: Uint8Array): Promise<void> {
  const handle = await open(path, bytes === undefined ? 'r' : 'wx');
  if (bytes !== undefined) await handle.writeFile(bytes);
  await handle.sync();
  await handle.close();
}

/** A first refresh without all that makes it one: what no client can do without. */
function createBare(): Client {
  const agent = new Agent({ keepAlive: true });
  const fetched = (file: string) =>
    new Promise<Buffer>((resolve, reject) => {
      const request = get(new URL(file, url), { agent }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => resolve(Buffer.concat(pieces)));
      });
      request.on('error', reject);
    });
  const versionIn = (bytes: Buffer, file: string) => JSON.parse(bytes.toString()).signed.meta[file].version;
  const refresh: Refresh = async (place) => {
    const root = await fetched('2.root.json');
    await fetched('3.root.json');
    const timestamp = await fetched('timestamp.json');
    const snapshot = await fetched(`${versionIn(timestamp, 'snapshot.json')}.snapshot.json`);
    const targets = await fetched(`${versionIn(snapshot, 'targets.json')}.targets.json`);
    const files = Object.entries({ root, timestamp, snapshot, targets });
    await Promise.all(files.map(([role, bytes]) => sync(join(place, `${role}.new`), bytes)));
    for (const [role] of files) await rename(join(place, `${role}.new`), join(place, `${role}.json`));
    await sync(place);
  };
  return { refresh, begin: async (place) => void mkdirSync(place, { recursive: true }) };
}

async function createFairlead(): Promise<Client> {
  const { createHttpClient } = await import('../../agent/adapters/server/http-client.ts');
  const { createHttpSource } = await import('../../agent/adapters/repository/http-source.ts');
  const { openTrustStore } = await import('../../agent/adapters/repository/trust-store.ts');
  const { Updater } = await import('../../agent/engine/repository/updater.ts');
  const http = createHttpClient();
  // Loads what the other client has loaded by its import.
  await http.connect(url);
  const source = createHttpSource({ metadata: url, targets: url, packs: url }, http);
  const initialRoot = readFileSync(join(trusted, 'root.json'));
  const refresh: Refresh = async (place) => {
    const store = await openTrustStore(place);
    const updater = await Updater.open({ store, source, initialRoot });
    await updater.refresh(Date.now());
  };
  return { refresh, begin: async (place) => (act === 'again' ? refresh(place) : undefined) };
}

async function createTufJs(): Promise<Client> {
  const { Updater } = await import('tuf-js');
  return {
    refresh: async (place) => {
      await new Updater({ metadataDir: place, metadataBaseUrl: url }).refresh();
    },
    /** It starts from a root.json that stands there already; what a refresh leaves is what was published. */
    begin: async (place) => {
      mkdirSync(place, { recursive: true });
      if (act === 'again') cpSync(trusted, place, { recursive: true });
      else cpSync(join(trusted, 'root.json'), join(place, 'root.json'));
    },
  };
}
