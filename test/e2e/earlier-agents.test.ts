// Agents of earlier commits beside the server and the vendor of today: they enrol, report, update, are patched, and are asked what they do not know.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { z } from 'zod';
import { instanceReply } from '../../shared/protocol/fleet.ts';
import { pinsMade, proposalModel } from '../../shared/protocol/fleet-proposals.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { hasCommit, takeOut } from '../support/earlier-code.ts';
import {
  committed,
  type Earlier,
  type EarlierStatus,
  releaseAnew,
  unpackEarlier,
  until,
} from '../support/earlier-install.ts';

const PATIENCE_MS = 600_000;

const COMMITS = [
  // Its server needs packages that are gone; what that server left behind is in the archive.
  { commit: '39a47b7', about: 'which knows no proposals', hasServer: false, answers: false },
  { commit: '36559e0', about: 'which knows proposals', hasServer: true, answers: true },
];

type Status = EarlierStatus & { readonly instance: { readonly id: string } };

describe.each(COMMITS)(
  'the agent of $commit, $about,',
  { timeout: PATIENCE_MS },
  ({ commit, hasServer, answers }) => {
    it.skipIf(!hasCommit(commit))('goes on with the server of today', async () => {
      const code = takeOut(commit);
      onTestFinished(code.remove);
      const today = await unpackEarlier();
      const earlier = today.withPrograms(code.bin);
      if (hasServer) {
        const server = started(earlier, 'fairlead-server', ...SERVE, '--port', today.port);
        await until(async () => ((await fetch(`http://127.0.0.1:${today.port}/healthz`)).ok ? true : null));
        await ended(server);
      }
      const agent = started(earlier, 'fairlead', ...WORK);
      started(today, 'fairlead-server', ...SERVE, '--port', today.port);
      await committed(earlier.json, 7);
      const fleet = await fleetOf(today);
      const { id } = (await earlier.json<Status>('status')).instance;

      await updates(today, earlier, fleet, id);
      const pin = await fleet.pin(id);
      if (answers) await until(async () => ((await fleet.wish(pin)) === 'queued' ? true : null));
      await isPatched(today, earlier, fleet, id);
      expect(await fleet.wish(pin)).toBe(answers ? 'queued' : 'proposed');
      await enrols(today, earlier, fleet);

      expect(agent.exitCode).toBeNull();
      expect(await earlier.run('fairlead', 'audit', 'verify')).toMatch(/whole|holds/);
      expect(await today.run('fairlead-server', 'audit', 'verify', '--dir', 'server')).toContain('holds');
    });
  },
);

const SERVE = ['run', '--dir', 'server'];
const WORK = ['agent', 'run', '--poll-interval', 'PT1S', '--soak', 'PT1S'];
const { editor } = createOfflineEdition();

async function updates(today: Earlier, earlier: Earlier, fleet: Fleet, id: string): Promise<void> {
  await releaseAnew(today, editor, '1.3.8');
  // It is signed beside the release, for agents that know of it.
  const published = readdirSync(join(today.directory, 'server'), { encoding: 'utf8', recursive: true });
  expect(published.filter((path) => path.endsWith('.cdx.json'))).toHaveLength(1);
  await committed(earlier.json, 8);
  await until(async () => ((await fleet.runs(id, '1.3.8')) ? true : null));
}

/** On a frozen install. */
async function isPatched(today: Earlier, earlier: Earlier, fleet: Fleet, id: string): Promise<void> {
  await earlier.run('fairlead', 'channel', 'set', 'frozen', '--reason', 'year end');
  await releaseAnew(today, editor, '1.3.9');
  const deadline = new Date(Date.now() + 86_400_000).toISOString().replace(/\.\d+/, '');
  const about = ['--id', 'FL-2026-0007', '--title', 'Token reuse', '--severity', 'critical'];
  const versions = ['--affected', `${editor.component}:<1.3.9`, '--fixed', `${editor.component}@1.3.9`];
  await today.run('fairlead-vendor', 'advisory', 'publish', ...about, '--deadline', deadline, ...versions);
  await committed(earlier.json, 9);
  await until(async () => ((await fleet.runs(id, '1.3.9')) ? true : null));
  const { components } = await earlier.json<Status>('status');
  expect(components.map(({ health }) => health)).toEqual(['healthy', 'healthy']);
}

/** Another install of that commit, with the string that the vendor of today gives out. */
async function enrols(today: Earlier, earlier: Earlier, fleet: Fleet): Promise<void> {
  const name = ['--name', 'Second harbour'];
  const printed = await today.run('fairlead-vendor', 'enrolment', 'create', ...name);
  const file = join(today.directory, 'enrolment.txt');
  writeFileSync(file, /fairlead1_[\w-]+/.exec(printed)?.[0] ?? '');
  const second = earlier.withState('second');
  await second.run('fairlead', 'agent', 'enroll', '--file', file);
  started(second, 'fairlead', ...WORK);
  const { id } = (await until(() => second.json<Status>('status'))).instance;
  await until(async () => ((await fleet.hasHeardOf(id)) ? true : null));
}

interface Fleet {
  runs(id: string, version: string): Promise<boolean>;
  hasHeardOf(id: string): Promise<boolean>;
  /** Proposes a pin; answers the proposal. */
  pin(id: string): Promise<string>;
  wish(proposal: string): Promise<string>;
}

async function fleetOf({ run, port }: Earlier): Promise<Fleet> {
  const options = ['--dir', 'server', '--role', 'operator', '--name', 'fleet'];
  const token = (await run('fairlead-server', 'token', 'create', ...options)).trim();
  const ask = async <Schema extends z.ZodType>(schema: Schema, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`, {
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(await response.text());
    return schema.parse(await response.json());
  };
  return {
    runs: async (id, version) => {
      const { report } = await ask(instanceReply, `instances/${id}`);
      return report?.components.some((one) => one.version === version) ?? false;
    },
    hasHeardOf: async (id) => (await ask(instanceReply, `instances/${id}`)).lastSeen !== null,
    pin: async (id) => {
      const wanted = { instance_id: id, component: editor.component, version: '~1.3', reason: 'certified' };
      const { pins } = await ask(pinsMade, 'versions/pin', wanted);
      return pins[0]?.id ?? '';
    },
    wish: async (proposal) => (await ask(proposalModel, `proposals/${proposal}`)).status,
  };
}

/** Until the test ends, unless it is ended before. */
function started(programs: Earlier, program: string, ...argv: readonly string[]): ChildProcess {
  const child = programs.start(program, ...argv);
  onTestFinished(() => ended(child));
  return child;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
