// State that is damaged while the agent runs: it is noticed, whoever asks is answered, and what is put back counts at once.
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createSettings } from '../../../../agent/adapters/state/settings.ts';
import { createAgent } from '../../../../agent/engine/agent/agent.ts';
import { createPulse } from '../../../../agent/engine/deploy/signs.ts';
import { utf8 } from '../../../../shared/encoding/bytes.ts';
import { isFairleadError } from '../../../../shared/errors/error.ts';
import type { StatusReply } from '../../../../shared/protocol/admin.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { catalogOf, stateFilesOf } from '../../../labs/faults/agent-of.ts';
import { type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Instance, Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { ONE, UNDOABLE_TWO as TWO } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { describeDirectory, temporaryDirectory } from '../../../support/directories.ts';

const SCENARIO: Scenario = { ...USUAL, name: 'damage', history: [ONE], act: async () => undefined };

/** The running agent over the real stores; rounds are begun by what is asked. */
async function running() {
  const stateDir = temporaryDirectory();
  const options = { stateDir, memory: createVolatileMemory(), scenario: SCENARIO } as InstanceOptions;
  const instance = await startInstance(options);
  writeFileSync(join(stateDir, 'settings.json'), JSON.stringify({ ...DEFAULT_POLICY, channel: 'manual' }));
  await prepareHistory(instance, SCENARIO);
  const restart = async () => agentOver(await startInstance(options));
  return { ...(await agentOver(instance)), restart };
}

type Ask = (method: string, path: string, body?: object) => Promise<unknown>;

async function agentOver(instance: Instance) {
  const { stateDir } = instance;
  const { clock, deployer, trees, audit } = instance;
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const agent = createAgent({
    ...{ clock, deployer, trees, audit, log },
    instance: { id: '0f0e0d0c-0b0a-4908-8706-050403020100', name: 'lab', server: 'https://vendor.test' },
    agentVersion: '1.0.0',
    previousEnd: null,
    bill: () => Promise.reject(new TypeError('nobody compares packages here')),
    pollIntervalMs: 60_000,
    chance: () => 0.5,
    pulse: createPulse(clock),
    repository: {
      refresh: async () => 'unchanged',
      catalog: async () => catalogOf(ONE, TWO),
      mirror: () => null,
      root: () => null,
      freshness: (now) => ({ state: 'fresh', expires: now + 86_400_000 }),
    },
    settings: createSettings(stateDir, join(stateDir, 'instance.json')),
    survey: async () => [],
    weighImage: async () => 0,
    preview: async () => [],
    channel: {
      beat: () => Promise.reject(new Error('nobody names a report that is held')),
      send: async ({ sequence }) => ({ sequence, held: null, reads: [], proposals: null, twinsHeard: null }),
      proposals: () => Promise.reject(new Error('nobody asks')),
      answerProposals: () => Promise.reject(new Error('nobody answers')),
      template: () => Promise.reject(new TypeError('nobody asks for a template here')),
      listen: () => new Promise(() => undefined),
      damage: async () => null,
    },
    files: stateFilesOf(instance),
  });
  const ask: Ask = async (method, path, body) =>
    await agent.handle({
      method,
      path,
      actor: 'ada',
      body: utf8(body === undefined ? '' : JSON.stringify(body)),
    });
  const told = async () => {
    const { alarms, decision } = (await ask('GET', '/v1/status')) as StatusReply;
    return [...alarms, ...decision.blockers.map(({ message }) => message)].join('\n');
  };
  await ask('POST', '/v1/check');
  return { stateDir, ask, told, instance };
}

/** All that a person may ask. */
const QUESTIONS: readonly (readonly [method: string, path: string, body?: object])[] = [
  ['GET', '/v1/status'],
  ['GET', '/v1/explanation'],
  ['POST', '/v1/what-if', { assume: [] }],
  ['POST', '/v1/check'],
  ['GET', '/v1/changes'],
  ['GET', '/v1/changes/1'],
  ['GET', '/v1/policy'],
  ['PUT', '/v1/policy', { edit: { kind: 'channel', channel: 'auto' }, reason: 'a test', preview: true }],
  ['GET', '/v1/settings'],
  ['GET', '/v1/approvals'],
  ['POST', '/v1/verify'],
  ['POST', '/v1/verify/repair', { reason: 'a test', removeAdded: false }],
  ['GET', '/v1/audit'],
  ['POST', '/v1/stage'],
  ['GET', '/v1/advisories'],
  ['POST', '/v1/logs', { component: 'core/auth' }],
  ['POST', '/v1/rollback/rehearsal', {}],
  // Of another plan, so that nothing begins.
  ['POST', '/v1/apply', { override: [], reason: 'a test', plan: `sha256:${'0'.repeat(64)}` }],
];

const DAMAGES: readonly (readonly [string, (path: string) => void])[] = [
  ['gone', () => undefined],
  ['garbage', (path) => writeFileSync(path, '\u0000{')],
  ['of another shape', (path) => writeFileSync(path, '{"schema":"fairlead/other@1"}')],
  ['a directory', (path) => mkdirSync(path)],
];

/** What status says of it, where something is lost: in its alarms or as a reason. */
const FILES: readonly (readonly [path: string, said: RegExp | null, whenGone: 'missed' | 'not missed'])[] = [
  ['settings.json', /policy/, 'missed'],
  ['instance.json', /instance\.json/, 'not missed'],
  ['approvals/receipts.json', /receipts\.json/, 'not missed'],
  ['quarantine.json', /quarantine\.json/, 'not missed'],
  ['outbox/state.json', /outbox/, 'not missed'],
  ['audit/server-receipts.json', /server-receipts\.json/, 'not missed'],
  ['decision.json', /decision\.json/, 'not missed'],
  ['verification.json', /verification\.json/, 'not missed'],
  ['records/1.json', /records\/1\.json/, 'not missed'],
  ['audit/log.jsonl', null, 'missed'],
  ['audit/checkpoint.json', null, 'missed'],
];
/** Refusals that a person may meet though nothing is damaged. */
const USUAL_REFUSALS = [
  'rollback/no-target',
  'apply/blocked',
  'apply/plan-changed',
  'change/unreadable',
  'change/not-found',
];

it.each(FILES)(
  '%s is told when it is damaged, and every question is answered with it in mind',
  async (file, said, whenGone) => {
    const { stateDir, ask, told } = await running();
    const path = join(stateDir, file);
    const copy = join(temporaryDirectory(), 'copy');
    if (existsSync(path)) cpSync(path, copy);
    for (const [kind, put] of DAMAGES) {
      rmSync(path, { recursive: true, force: true });
      mkdirSync(dirname(path), { recursive: true });
      put(path);

      const isLost = said !== null && !(kind === 'gone' && whenGone === 'not missed');
      if (isLost) expect(await told(), kind).toMatch(said);
      expect(await unclearAnswers(ask, file), kind).toEqual([]);

      rmSync(path, { recursive: true, force: true });
      rmSync(`${path}.damaged`, { recursive: true, force: true });
      if (existsSync(copy)) cpSync(copy, path);
      if (said !== null) expect(await told(), `${kind}, and put back`).not.toMatch(said);
    }
  },
);

/** Refusals that have nothing to do with the file, and are none of what is asked anyway. */
async function unclearAnswers(ask: Ask, file: string): Promise<readonly string[]> {
  const unclear: string[] = [];
  for (const [method, where, body] of QUESTIONS) {
    await ask(method, where, body).catch((error: unknown) => {
      const isOfFile = isFairleadError(error) && error.message.includes(dirname(file));
      const isUsual = isFairleadError(error) && USUAL_REFUSALS.includes(error.code);
      if (!isOfFile && !isUsual) unclear.push(`${method} ${where}: ${String(error)}`);
    });
  }
  return unclear;
}

describe('the generation that runs', () => {
  it.each(DAMAGES)('that is %s on the disk is written again', async (_, put) => {
    const { stateDir, told, instance } = await running();
    const path = join(stateDir, 'generations/1');
    const before = describeDirectory(path);
    rmSync(path, { recursive: true, force: true });
    put(path);

    expect(await told()).not.toMatch(/generation/);

    expect(describeDirectory(path)).toEqual(before);
    expect((await instance.deployer.current())?.healthy).toBe(true);
  });

  it('is written again where one of its files and the copy of it are gone', async () => {
    const { stateDir, told } = await running();
    const path = join(stateDir, 'generations/1');
    const before = describeDirectory(path);
    for (const name of ['manifest.json', 'spare.json']) rmSync(join(path, name));

    await told();

    expect(describeDirectory(path)).toEqual(before);
  });

  it('that could not be read at the start counts again once it is put back', async () => {
    const { stateDir, restart } = await running();
    const path = join(stateDir, 'generations/1');
    const copy = join(temporaryDirectory(), 'copy');
    cpSync(path, copy, { recursive: true, verbatimSymlinks: true });
    for (const name of ['manifest.json', 'spare.json']) writeFileSync(join(path, name), '{');
    const { told, ask } = await restart();
    expect(await told()).toMatch(
      /generation 1 cannot be read.*\n(.*\n)*.*generation 1, which runs, cannot be read/,
    );
    await ask('GET', '/v1/policy');
    await ask('GET', '/v1/advisories');
    const hold = { kind: 'hold', until: '2026-02-03T10:00:00Z', emergency: false };
    await ask('PUT', '/v1/policy', { edit: hold, reason: 'a test' });

    rmSync(path, { recursive: true });
    cpSync(copy, path, { recursive: true, verbatimSymlinks: true });

    expect(await told()).not.toMatch(/generation/);
  });
});
