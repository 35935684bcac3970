// A forced patch that is released and fits gets through whatever a service, a slip or a damaged file puts in its way.

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FetchPack } from '../../../../agent/adapters/tree-store/downloads.ts';
import { createReporter } from '../../../../agent/engine/agent/reporter.ts';
import type { ServerContact } from '../../../../agent/engine/agent/server-contact.ts';
import type { AgentState } from '../../../../agent/engine/agent/state.ts';
import { observe } from '../../../../agent/engine/agent/status.ts';
import type { Catalog } from '../../../../shared/compile/releases.ts';
import type { CronText } from '../../../../shared/encoding/cron.ts';
import { FairleadError, systemCode } from '../../../../shared/errors/error.ts';
import type { Decision } from '../../../../shared/schema/decision.ts';
import { DEFAULT_POLICY, type Policy } from '../../../../shared/schema/policy.ts';
import { halt } from '../../../../shared/schema/rollout.ts';
import { agentOf, catalogOf, roundToEnd, stateFilesOf } from '../../../labs/faults/agent-of.ts';
import { fetchPrepared, type InstanceOptions, startInstance } from '../../../labs/faults/instance.ts';
import type { Instance, Scenario } from '../../../labs/faults/laboratory.ts';
import { createLyingServer, LIES, type Lie } from '../../../labs/faults/lying-server.ts';
import type { MachineMemory, Services } from '../../../labs/faults/machine.ts';
import { deployable, ONE, ORDER } from '../../../labs/faults/releases.ts';
import { prepareHistory, USUAL } from '../../../labs/faults/scenario.ts';
import { API, AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { hold, thaw } from '../../../support/held-files.ts';
import { hostileText } from '../../../support/hostile-text.ts';
import { NO_WITNESS } from '../../../support/receipts.ts';

/** A handful in every run of the tests; `FAIRLEAD_FORCED_RUNS=500`, and another seed, is the long form. */
const RUNS = Number(process.env.FAIRLEAD_FORCED_RUNS ?? 8);
const SEED = Number(process.env.FAIRLEAD_FORCED_SEED ?? 20_260);
const ROUNDS = 8;
const DAY_MS = 86_400_000;

const FIXED = deployable({ [AUTH]: '1.0.1', [API]: '1.0.0' });
const SCENARIO: Scenario = { ...USUAL, name: 'forced', history: [ONE], act: async () => undefined };

/** Why a forced patch may honestly not be applied. Nothing else may ever be the reason. */
const HONEST = {
  /** Then what is ordinary is decided, with reasons of its own; the hole shows as open. */
  'no fix that fits': null,
  'the operator’s bounded hold': ['emergency-hold'],
  'a valid halt': ['unfixable', 'rollout-halted'],
  'trust expired': ['metadata-expired'],
  'a clock that is behind': ['clock-behind'],
  'the fix failed its own gate': null,
  /** Its deployment says so, and is tried again: now, or later. */
  'no space': ['retry-later', 'disk/full'],
  inconsistent: ['deployment-inconsistent'],
} as const;
type Honest = keyof typeof HONEST;

/** What one obstacle does to the model before the agent starts, and the honest reason it may give. */
interface Model {
  readonly stateDir: string;
  policy: unknown;
  config: string | null;
  catalog: Catalog;
  freshness: 'fresh' | 'expired' | 'clock-behind';
  behaviours: Record<string, 'red' | 'stuck' | 'tires'>;
  hangs: boolean;
  /** How the server names its bytes; null where what is signed is known at once. */
  lie: Lie | null;
  /** The question to the server that is under way. */
  asked: Promise<void>;
  /** How often a download is broken off for being too slow before one is fast. */
  drips: number;
  refusesReports: boolean;
  isFull: boolean;
  readonly reasons: Honest[];
}
type Obstacle = readonly [name: string, put: (model: Model) => void];

/** When the laboratory's clock begins. */
const NOW = '2026-01-31T10:00:00Z';
const HOLD = { since: '2026-01-28T00:00:00Z', until: '2030-01-01T00:00:00Z', reason: 'audit', by: 'ada' };
const NIGHT = { name: 'never', cron: '0 0 29 2 *' as CronText, duration: 'PT1H', zone: 'UTC' };
const policyWith = (change: Partial<Policy>) => (model: Model) => {
  model.policy = { ...(model.policy as Policy), ...change };
};

/** What stands in the model from the start. */
const withModel = (change: Partial<Model>) => (model: Model) => void Object.assign(model, change);

const SLIPS: readonly Obstacle[] = [
  ['frozen', policyWith({ channel: 'frozen' })],
  ['manual', policyWith({ channel: 'manual' })],
  ['a window that never opens', policyWith({ windows: { allow: [NIGHT], deny: [] } })],
  [
    'a window that denies always',
    policyWith({
      windows: {
        allow: [],
        deny: [{ name: 'ever', cron: '0 0 * * *' as CronText, duration: 'P7D', zone: 'UTC' }],
      },
    }),
  ],
  ['a hold', policyWith({ hold: HOLD })],
  [
    'a pin to what is affected',
    policyWith({
      pins: [{ level: 'capability', name: AUTH, version: '1.0.0' as never, owner: 'ada', reason: 'tested' }],
    }),
  ],
  [
    'a pin of what nobody released',
    policyWith({
      pins: [{ level: 'suite', name: 'core', version: '9.9.9' as never, owner: 'ada', reason: 'slip' }],
    }),
  ],
  ['a policy that nobody can read', withModel({ policy: { schema: 'fairlead/policy@1', chanel: 1 } })],
  ['a configuration that nobody can read', withModel({ config: '{"suites":' })],
  ['a configuration with unknown settings', withModel({ config: configWith({ nosuch: 'x' }) })],
  ['a server that hangs', withModel({ hangs: true })],
  ['a server that refuses every report', withModel({ refusesReports: true })],
  ['a server that drips before it is fast', withModel({ drips: 3 })],
  ...Object.entries(LIES).map(([name, lie]): Obstacle => [`a server ${name}`, withModel({ lie })]),
  ['what runs made immutable', ({ stateDir }) => void treesIn(stateDir).map(hold)],
  [
    'what runs made immutable, and changed',
    ({ stateDir }) => {
      for (const tree of treesIn(stateDir)) {
        overwrite(firstFileIn(tree));
        hold(tree);
      }
    },
  ],
  [
    'what runs in quarantine',
    ({ stateDir }) => {
      const entries = [...ONE.releases].map(([component, { digest, document }]) => ({
        component,
        release: digest,
        version: document.version,
        since: NOW,
        reason: 'it leaked',
        record: 1,
      }));
      writeFileSync(join(stateDir, 'quarantine.json'), JSON.stringify(entries));
    },
  ],
  [
    'what the service wrote beside its code',
    ({ stateDir }) => {
      for (const tree of treesIn(stateDir)) writeFileSync(join(tree, 'cache.pyc'), 'x');
    },
  ],
  [
    'a file that was changed by hand',
    ({ stateDir }) => {
      for (const tree of treesIn(stateDir)) overwrite(firstFileIn(tree));
    },
  ],
  [
    'a file that is gone',
    ({ stateDir }) => {
      for (const tree of treesIn(stateDir)) rmSync(firstFileIn(tree));
    },
  ],
];

const HONEST_OBSTACLES: readonly (readonly [Honest, ...Obstacle])[] = [
  [
    'no fix that fits',
    'no fix',
    (model) => {
      model.catalog = { ...model.catalog, ...catalogOf(ONE), advisories: model.catalog.advisories };
    },
  ],
  [
    'the operator’s bounded hold',
    'break-glass',
    policyWith({ emergencyHold: { ...HOLD, since: NOW, until: '2026-02-03T09:00:00Z' } }),
  ],
  [
    'a valid halt',
    'halted',
    (model) => {
      const digest = FIXED.releases.get(AUTH)?.digest ?? '';
      const one = halt.parse({
        schema: 'fairlead/halt@1',
        digest,
        reason: 'it breaks',
        issued: NOW,
        expires: '2026-02-03T09:00:00Z',
      });
      model.catalog = { ...model.catalog, halts: [one] };
    },
  ],
  ['trust expired', 'expired', withModel({ freshness: 'expired' })],
  ['a clock that is behind', 'clock behind', withModel({ freshness: 'clock-behind' })],
  ['no space', 'a full disk', withModel({ isFull: true })],
  [
    'the fix failed its own gate',
    'a fix that does not start',
    withModel({ behaviours: { 'core/auth@1.0.1': 'red' } }),
  ],
];

const DAMAGES: readonly (readonly [string, (path: string, text: string) => void])[] = [
  ['empty', (path) => writeFileSync(path, '')],
  ['garbage', (path) => writeFileSync(path, '\u0000\u0001{"')],
  ['half of it', (path) => truncateSync(path, Math.floor(lstatSync(path).size / 2))],
  ['of another shape', (path) => writeFileSync(path, '{"schema":"fairlead/other@1"}')],
  ['hostile text', (path, text) => writeFileSync(path, JSON.stringify({ text }))],
  ['gone', (path) => rmSync(path)],
  [
    'a directory',
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  [
    'a pipe',
    (path) => {
      rmSync(path);
      execFileSync('mkfifo', [path]);
    },
  ],
  ['immutable', hold],
];

const slips = fc.uniqueArray(fc.constantFrom(...SLIPS), { maxLength: 4 });
const honest = fc.option(fc.constantFrom(...HONEST_OBSTACLES), { freq: 3, nil: null });
const damage = fc.tuple(fc.nat(), fc.constantFrom(...DAMAGES), hostileText(50));

describe('a forced patch', () => {
  it('is applied, or waits for one honest reason', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        slips,
        honest,
        fc.option(damage),
        fc.boolean(),
        async (chosen, excuse, hurt, isLate) => {
          await tried({ slips: chosen, excuse, hurt: hurt ?? null, isLate });
        },
      ),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('is applied after any one state file was damaged in any way', { timeout: 600_000 }, async () => {
    const { stateDir } = await history();
    const files = stateFilesIn(stateDir);
    const every = files.flatMap((_, index) => DAMAGES.map((kind) => [index, kind, '\ud83d'] as const));
    // All of them in the long form; a spread of them otherwise.
    const step = Math.max(1, Math.floor(every.length / RUNS));
    for (let at = SEED % step; at < every.length; at += step) {
      await tried({ slips: [], excuse: null, hurt: every[at] ?? null, isLate: at % 2 === 1 });
    }
  });
});

interface Trial {
  readonly slips: readonly Obstacle[];
  readonly excuse: (typeof HONEST_OBSTACLES)[number] | null;
  readonly hurt: readonly [file: number, kind: (typeof DAMAGES)[number], text: string] | null;
  /** The damage comes while the agent runs, and the order after it. */
  readonly isLate: boolean;
}

async function tried(trial: Trial): Promise<void> {
  const { stateDir, memory } = await history();
  try {
    await tryOn(stateDir, memory, trial);
  } finally {
    // Nobody could remove it otherwise.
    thaw(stateDir);
  }
}

async function tryOn(
  stateDir: string,
  memory: MachineMemory,
  { slips: chosen, excuse, hurt, isLate }: Trial,
): Promise<void> {
  const model: Model = {
    stateDir,
    policy: DEFAULT_POLICY,
    config: null,
    catalog: { ...catalogOf(ONE, FIXED), advisories: [ORDER] },
    freshness: 'fresh',
    behaviours: {},
    hangs: false,
    lie: null,
    asked: Promise.resolve(),
    drips: 0,
    refusesReports: false,
    isFull: false,
    reasons: [],
  };
  for (const [, put] of chosen) unlessHeld(() => put(model));
  if (excuse !== null) {
    excuse[2](model);
    model.reasons.push(excuse[0]);
  }
  writeFileSync(join(stateDir, 'settings.json'), JSON.stringify(model.policy));
  if (model.config !== null) writeFileSync(join(stateDir, 'instance.json'), model.config);
  const harm = () => (hurt === null ? null : damageOne(stateDir, hurt));
  const hurtBefore = isLate ? null : harm();

  const scenario = { ...SCENARIO, behaviours: model.behaviours };
  const fetchPack = model.isFull ? noRoom : dripping(model);
  const instance = await startInstance({ stateDir, memory, scenario, fetchPack } as InstanceOptions);
  const state = stateFor(instance, model);
  if (isLate || model.lie !== null) await quietRound(state, model);
  const hurtFile = isLate ? harm() : hurtBefore;
  const outcome = await rounds(instance, state, model);

  const about = `${chosen.map(([name]) => name).join(', ')} | ${excuse?.[1]} | ${hurtFile}: ${outcome.told}`;
  if (outcome.applied) return;
  expect(outcome.isExposed, about).toBe(true);
  if (model.reasons.some((reason) => HONEST[reason] === null)) return;
  const allowed: readonly string[] = model.reasons.flatMap((reason) => HONEST[reason] ?? []);
  // What is ordinary may be refused beside it, for reasons of its own, where the fix itself has an honest one.
  expect(
    outcome.codes.some((code) => allowed.includes(code)),
    about,
  ).toBe(true);
}

/** What comes of it is not asked: nobody has ordered anything yet. */
async function quietRound(state: AgentState, model: Model): Promise<void> {
  const { catalog } = model;
  model.catalog = { ...catalogOf(ONE), advisories: [] };
  await roundToEnd(state).catch(() => undefined);
  await model.asked;
  model.catalog = catalog;
}

/** As the agent's client ends it, with what came by then in the file. */
function dripping(model: Model): FetchPack {
  let left = model.drips;
  return async (treeHex, file) => {
    if (left-- <= 0) return fetchPrepared(treeHex, file);
    writeFileSync(file, 'drip');
    throw new FairleadError('transport/unreachable', {
      url: 'https://vendor.test',
      problem: 'slower than 512 bytes a second',
    });
  };
}

async function noRoom(_treeHex: string, path: string): Promise<never> {
  throw new FairleadError('disk/full', { path, needed: 1, free: 0 });
}

interface Outcome {
  readonly applied: boolean;
  readonly isExposed: boolean;
  readonly codes: readonly string[];
  readonly told: string;
}

/** As the agent's loop does: a round that fails is a pause. */
async function rounds(instance: Instance, state: AgentState, model: Model): Promise<Outcome> {
  const faults: string[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    await roundToEnd(state).catch((error: unknown) => faults.push(String(error)));
    // The server's answer takes real time, of which the laboratory's clock knows nothing.
    await model.asked;
    const current = await instance.deployer.current().catch(() => null);
    if (current?.releases.get(AUTH)?.document.version === '1.0.1')
      return { applied: true, isExposed: false, codes: [], told: '' };
    instance.clock.advance(10 * 60_000);
  }
  const decision = await state.records.decisions.read();
  const blockers: Decision['blockers'] = decision?.decision.blockers ?? [];
  const records = await instance.deployer.records();
  const ends = records.map((one) => `${one.state} ${one.failure?.message}`);
  const told = [decision?.decision.verdict, ...blockers.map(({ message }) => message), ...ends, ...faults];
  const failed = decision?.decision.verdict === 'apply' ? (records.at(-1)?.failure?.code ?? null) : null;
  const isExposed = decision?.decision.exposed.some(({ advisory: id }) => id === ORDER.id) === true;
  const codes = [...blockers.map(({ code }) => code), ...(failed === null ? [] : [failed])];
  return { applied: false, isExposed, codes, told: told.join(' / ') };
}

function stateFor(instance: Instance, model: Model): AgentState {
  const usual = agentOf(instance, model.catalog);
  const state: AgentState = {
    ...usual,
    offers: {
      ...usual.offers,
      freshness: (now) => ({ state: model.freshness, expires: now + DAY_MS }),
      contact: contactOf(instance, model, usual.offers.contact),
    },
    records: {
      ...usual.records,
      reporter: createReporter({
        witness: NO_WITNESS,
        channel: {
          beat: () => Promise.reject(new Error('nobody names a report that is held')),
          send: async () => {
            if (model.refusesReports)
              throw new FairleadError('transport/unreachable', {
                url: 'https://vendor.test',
                problem: 'HTTP 403',
              });
            return never;
          },
        },
        outbox: stateFilesOf(instance).outbox,
        log: usual.log,
        observe: () => observe(state),
        records: () => instance.deployer.records(),
        onMark: () => undefined,
        isOff: async () => false,
      }),
    },
  };
  return state;
}

const never = new Promise<never>(() => undefined);

/** Everything signed is known at once, or as soon as the server that lies is seen through. */
function contactOf(instance: Instance, model: Model, usual: ServerContact): ServerContact {
  // What a server that hangs never said is nobody's order: it hangs once everything is known.
  if (model.lie === null || model.hangs) {
    const ask = () => (model.hangs ? never : Promise.resolve());
    return { ...usual, catalog: () => model.catalog, dueAt: () => 0, ask };
  }
  const server = createLyingServer(instance, model.lie);
  let published: Catalog | null = null;
  return {
    ...server.contact,
    async ask() {
      if (published !== model.catalog) server.publish(model.catalog);
      published = model.catalog;
      model.asked = server.contact.ask();
      await model.asked;
    },
  };
}

/** An install of two capabilities whose first deployment is committed. */
async function history() {
  const stateDir = temporaryDirectory();
  let services: Services = {};
  const memory = {
    read: () => services,
    write(next: Services) {
      services = next;
    },
  };
  const instance = await startInstance({ stateDir, memory, scenario: SCENARIO } as InstanceOptions);
  writeFileSync(join(stateDir, 'settings.json'), JSON.stringify(DEFAULT_POLICY));
  await prepareHistory(instance, SCENARIO);
  await roundToEnd(stateFor(instance, quiet(stateDir)));
  return { stateDir, memory };
}

/** One ordinary round leaves its decision and the number of its report. */
function quiet(stateDir: string): Model {
  const none = {
    behaviours: {},
    hangs: false,
    lie: null,
    asked: Promise.resolve(),
    drips: 0,
    refusesReports: false,
    isFull: false,
    reasons: [],
    config: null,
    policy: DEFAULT_POLICY,
  };
  return { ...none, stateDir, catalog: catalogOf(ONE), freshness: 'fresh' };
}

function configWith(settings: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities: { auth: { settings } } } },
  });
}

function damageOne(stateDir: string, [index, [kind, damageFile], text]: NonNullable<Trial['hurt']>): string {
  const files = stateFilesIn(stateDir);
  const path = files[index % files.length] ?? '';
  mkdirSync(dirname(path), { recursive: true });
  unlessHeld(() => damageFile(path, text));
  return `${relative(stateDir, path)} is ${kind}`;
}

/** What was made immutable before is safe from this. */
function unlessHeld(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
  }
}

/** Every file the agent keeps for itself; the store of trees has obstacles of its own. */
function stateFilesIn(stateDir: string): readonly string[] {
  const all = readdirSync(stateDir, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/^(?:store|lock|data|logs)\b/.test(relative(stateDir, path)))
    .sort();
}

function treesIn(stateDir: string): readonly string[] {
  const trees = join(stateDir, 'store', 'trees');
  return readdirSync(trees)
    .map((name) => join(trees, name, 'files'))
    .filter((path) => existsSync(path));
}

function firstFileIn(tree: string): string {
  const file = readdirSync(tree, { recursive: true, withFileTypes: true }).find((entry) => entry.isFile());
  return join(file?.parentPath ?? tree, file?.name ?? '');
}

function overwrite(path: string): void {
  const bytes = readFileSync(path);
  rmSync(path);
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('!')]));
}
