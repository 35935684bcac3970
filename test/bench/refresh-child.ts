// One TUF client in a process of its own: refreshes fresh directories, then the same again, and prints the medians.
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { median, timed } from './figures.ts';

export interface RefreshTimes {
  readonly firstMs: number;
  readonly againMs: number;
}

/** Brings a directory's trust up to date, as a program does that has just started. */
type Refresh = (directory: string) => Promise<void>;

const [client = '', url = '', rootFile = '', work = '', runs = '1'] = process.argv.slice(2);
const refresh = client === 'tuf-js' ? await refreshWithTufJs() : await refreshWithFairlead();
const times: { readonly first: number; readonly again: number }[] = [];
// One run more than counted, where there are several: the first warms the compiler up.
const warmUps = Number(runs) > 1 ? 1 : 0;
for (let run = 0; run < Number(runs) + warmUps; run++) {
  const directory = join(work, `${client}-${run}`);
  const first = await timed(() => refresh(directory));
  const again = await timed(() => refresh(directory));
  if (run >= warmUps) times.push({ first, again });
}
const result: RefreshTimes = {
  firstMs: median(times.map(({ first }) => first)),
  againMs: median(times.map(({ again }) => again)),
};
console.log(JSON.stringify(result));
process.exit();

async function refreshWithFairlead(): Promise<Refresh> {
  const { createHttpClient } = await import('../../agent/adapters/server/http-client.ts');
  const { createHttpSource } = await import('../../agent/adapters/repository/http-source.ts');
  const { openTrustStore } = await import('../../agent/adapters/repository/trust-store.ts');
  const { Updater } = await import('../../agent/engine/repository/updater.ts');
  const http = createHttpClient();
  // Loads what the other client has loaded by its import.
  await http.connect(url);
  const source = createHttpSource({ metadata: url, targets: url, packs: url }, http);
  const initialRoot = readFileSync(rootFile);
  return async (directory) => {
    const store = await openTrustStore(directory);
    const updater = await Updater.open({ store, source, initialRoot });
    await updater.refresh(Date.now());
  };
}

async function refreshWithTufJs(): Promise<Refresh> {
  const { Updater } = await import('tuf-js');
  return async (directory) => {
    // It starts from a root.json that stands there already.
    if (mkdirSync(directory, { recursive: true }) !== undefined)
      copyFileSync(rootFile, join(directory, 'root.json'));
    await new Updater({ metadataDir: directory, metadataBaseUrl: url }).refresh();
  };
}
