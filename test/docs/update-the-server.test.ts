// The runbook by which an agent updates the release server beside it, walked: handed over, updated with its database, and taken back.
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import type { Application } from '../labs/demo/applications.ts';
import {
  committed,
  type Earlier,
  type EarlierChanges,
  type EarlierStatus,
  releaseAnew,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';
import { asNewer } from '../support/newer-server.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const PAGE = readFileSync(join(ROOT, 'docs/runbooks/update-the-server.md'), 'utf8');
const [MANIFEST = '', INSTANCE = ''] = [...PAGE.matchAll(/```json\n(.+?)```/gs)].map(([, json]) => json);
/** What the operator types on the machine of the server, in order. */
const TYPED = [...PAGE.matchAll(/^# (fairlead\S* .+)$/gm)].map(([, line = '']) => line);
const COMPONENT = 'fairlead/server';
const LIMIT_MS = 300_000;

type Status = EarlierStatus & { readonly hints?: { readonly listening: boolean } };

/** The program of this checkout as a release of it; `node` are words for Node, `ends` says that it does no more than take its steps. */
function serverOf(node: readonly string[], ends = false): Application {
  const main = [process.execPath, ...node, join(ROOT, 'server/main.ts')].map((word) => `'${word}'`).join(' ');
  const lines = ends
    ? [`[ "$1" = --version ] && exec ${main} "$@"`, `${main} token list --dir "$3"`, 'exit 1']
    : [`exec ${main} "$@"`];
  return {
    component: COMPONENT,
    prepare: async (_version: string, at: string) => {
      const tree = join(at, `server-${node.length}-${ends}`);
      await mkdir(tree, { recursive: true });
      writeFileSync(join(tree, 'fairlead-server'), `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
      const { service, health, ...manifest } = JSON.parse(MANIFEST);
      // Without a service manager; and nobody waits here for three answers in a row.
      const { user: _, ...words } = { ...service, driver: 'process' };
      const hurried = [{ ...health[0], interval: 'PT1S', successes: 1 }];
      return { directory: tree, manifest: { ...manifest, service: words, health: hurried } };
    },
  } as unknown as Application;
}

/** The stages as the page types them. */
async function release({ directory, run }: Earlier, first: Application): Promise<void> {
  const prepared = await first.prepare('1.0.0', join(directory, 'new'));
  writeFileSync(join(directory, 'server.json'), JSON.stringify(prepared.manifest));
  const token = ['token', 'create', '--dir', 'server', '--role', 'publisher', '--name', 'anew'];
  writeFileSync(join(directory, 'server/publisher.token'), await run('fairlead-server', ...token));
  await run('fairlead-vendor', 'renew');
  let change = 'CHG-1';
  for (const [, line = ''] of PAGE.matchAll(/^\$ fairlead-vendor (.+)$/gm)) {
    const words = [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);
    const placed = words.map((word, i) =>
      words[i - 1] === '--from' ? prepared.directory : word === 'CHG-1' ? change : word,
    );
    change = /CHG-\d+/.exec(await run('fairlead-vendor', ...placed))?.[0] ?? change;
  }
}

/** What the page lets an operator say, beside what runs there already. */
function enable({ directory, port }: Earlier): void {
  const path = join(directory, 'agent/instance.json');
  const { suites } = JSON.parse(INSTANCE);
  const { settings } = suites.fairlead.capabilities.server;
  expect(Object.keys(settings)).toEqual(['dir', 'port']);
  suites.fairlead.capabilities.server = { settings: { dir: join(directory, 'server'), port: Number(port) } };
  const here = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(path, JSON.stringify({ ...here, suites: { ...here.suites, ...suites } }));
}

const ended = ({ json }: Earlier, change: number) =>
  until(async () => {
    const { changes } = await json<EarlierChanges>('changes');
    const state = changes.find(({ id }) => id === change)?.state ?? '';
    return ['committed', 'rolled-back', 'abandoned', 'inconsistent'].includes(state) ? state : null;
  });

function stepsOf({ directory }: Earlier): readonly string[] {
  const db = new DatabaseSync(join(directory, 'server/fairlead.db'), { readOnly: true });
  const rows = db.prepare("select name from kysely_migration where name > '9'").all();
  db.close();
  return rows.map(({ name }) => String(name));
}

it('hands the server over, updates it with its database, and has the one before back where the next one fails', {
  timeout: LIMIT_MS,
}, async () => {
  const earlier = await unpackEarlier();
  const { directory, run, start, json, port } = earlier;
  writeFileSync(join(directory, 'server/passphrase'), 'a passphrase for the demo\n', { mode: 0o600 });
  const byHand = start('fairlead-server', 'run', '--dir', 'server', '--port', port);
  start('fairlead', 'agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S');
  await committed(json, 7);

  await release(earlier, serverOf([]));
  for (const line of TYPED) {
    const [program = '', ...words] = [...line.matchAll(/"([^"]*)"|\S+/g)].map(
      ([word, quoted]) => quoted ?? word,
    );
    if (words[0] === 'uninstall') byHand.kill('SIGTERM');
    else await run(program, ...words);
    if (words[0] === 'hold') enable(earlier);
  }
  await committed(json, 8);

  await releaseAnew(earlier, serverOf(asNewer('9001-note')), '1.1.0');
  const update = await ended(earlier, 9);
  const between = stepsOf(earlier);
  // It takes one more step, which the version before does not know, and then it ends.
  await releaseAnew(earlier, serverOf(asNewer('9001-note', '9002-more'), true), '1.2.0');
  const failure = await ended(earlier, 10);

  expect([update, failure]).toEqual(['committed', 'rolled-back']);
  expect([between, stepsOf(earlier)]).toEqual([['9001-note'], ['9001-note', '9002-more']]);
  const { components, quarantine } = await json<Status>('status');
  expect(components.find(({ component }) => component === COMPONENT)).toMatchObject({
    ...{ version: '1.1.0', health: 'healthy' },
  });
  expect(quarantine.map(({ version }) => version)).toContain('1.2.0');
  // The server that was replaced twice knows how both ended, from the agent that replaced it.
  await until(async () =>
    (await run('fairlead-vendor', 'trace', 'CHG-9')).includes('rolled-back') ? true : null,
  );
  await until(async () => ((await json<Status>('status')).hints?.listening ? true : null));
  expect(await run('fairlead-server', 'audit', 'verify', '--dir', 'server')).toContain('holds');
});
