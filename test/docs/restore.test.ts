// Two runbooks, typed line by line on a server, an install and a vendor that run: backups, a lost server, and the four things that go wrong.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { committed, unpackEarlier, until } from '../support/earlier-install.ts';
import { accepts, type Line, linesOf, typing } from '../support/typed-runbook.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const BACKUPS = readFileSync(join(ROOT, 'docs/runbooks/server-backup-and-restore.md'), 'utf8');
const PROCEDURES = readFileSync(join(ROOT, 'docs/runbooks/recovery-procedures.md'), 'utf8');
const LIMIT_MS = 300_000;

it('a lost server comes back out of its backups, and the four procedures do what they say', {
  timeout: LIMIT_MS,
}, async () => {
  const world = await unpackEarlier();
  const { directory, run, json } = world;
  const { type, serve } = typing(world);
  for (const name of ['etc', 'backups']) mkdirSync(join(directory, name));
  const [makeKey, serveLine] = linesOf(BACKUPS, 'Back up') as [Line, Line];
  await type(makeKey);
  const end = await serve(serveLine);
  world.start('fairlead', 'agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S');
  await committed(json, 7);

  for (const line of linesOf(BACKUPS, 'Does it work?')) await type(line);
  const metrics = await (await fetch(`http://127.0.0.1:${world.port}/metrics`)).text();
  const drilled = (name: string) =>
    Number(new RegExp(`^fairlead_backup_drill_${name}_seconds (.+)$`, 'm').exec(metrics)?.[1]);
  expect(drilled('rpo')).toBeLessThanOrEqual(300);
  expect(drilled('rto')).toBeLessThanOrEqual(1_800);

  // Both after the last copy, and both acknowledged; then the machine is gone.
  const token = ['token', 'create', '--dir', 'server', '--role', 'publisher', '--name', 'anew'];
  writeFileSync(join(directory, 'server/publisher.token'), await run('fairlead-server', ...token));
  const kept = readFileSync(join(directory, 'server/publisher.token'));
  await run('fairlead-vendor', 'renew');
  await until(async () => ((await accepts(world)) ? true : null));
  await run('fairlead-server', 'token', 'revoke', 'admin', '--dir', 'server');
  await end('SIGKILL');
  rmSync(join(directory, 'server'), { recursive: true });

  const [list, restore, again] = linesOf(BACKUPS, 'Restore') as [Line, Line, Line];
  await type(list);
  const said = await type(restore);
  expect(said).toMatch(/lost: \S+ token\.created anew/);
  const endAgain = await serve(again);
  await until(async () => ((await accepts(world)) ? true : null));
  expect(await run('fairlead-server', 'token', 'list', '--dir', 'server')).not.toMatch(/^admin /m);
  writeFileSync(join(directory, 'server/publisher.token'), kept);

  for (const line of linesOf(PROCEDURES, 'A deployment fails')) await type(line);
  const damaged = linesOf(PROCEDURES, 'Data is damaged');
  const last = damaged.at(-1) as Line;
  for (const line of damaged.slice(0, -1)) await type(line);
  await endAgain('SIGTERM');
  await type(last);
  await serve(serveLine);
  await until(async () => ((await accepts(world)) ? true : null));

  const [ready, numbers] = await Promise.all(linesOf(PROCEDURES, 'The service slows down').map(type));
  expect(ready).toContain('"ready"');
  const table = PROCEDURES.split('## The service slows down')[1] ?? '';
  for (const [, name = ''] of table.matchAll(/`((?:fairlead|nodejs|process)_\w+)`/g))
    expect(numbers, name).toContain(name);

  const admin = ['token', 'create', '--dir', 'server', '--role', 'admin', '--name', 'breach'];
  writeFileSync(join(directory, 'server/publisher.token'), await run('fairlead-server', ...admin));
  const [isolate, ...afterwards] = linesOf(PROCEDURES, 'Somebody broke in') as [Line, ...Line[]];
  const { instances } = JSON.parse(await run('fairlead-vendor', 'instances', '--json'));
  await type({ ...isolate, line: isolate.line.replace(' demo ', ` ${instances[0].name} `) });
  expect(await accepts(world)).toBe(true);
  for (const line of afterwards) await type(line);
  const tokens = await run('fairlead-server', 'token', 'list', '--dir', 'server');
  expect(tokens).toMatch(/^publisher-2 /m);
  expect(tokens).not.toMatch(/^publisher /m);
});
