// Patches that lie in the way of an order: on a frozen channel the fix arrives all the same, and whoever asks is told how.
import { writeFileSync } from 'node:fs';
import type { RequestListener, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXCHANGE_LIMITS } from '../../../../agent/adapters/server/watch.ts';
import { EMPTY_OUTBOX } from '../../../../agent/core/outbox.ts';
import { createAdminRoutes } from '../../../../agent/engine/agent/admin-routes.ts';
import { createReporter } from '../../../../agent/engine/agent/reporter.ts';
import type { AgentState } from '../../../../agent/engine/agent/state.ts';
import { observe } from '../../../../agent/engine/agent/status.ts';
import { hexOf } from '../../../../shared/encoding/digest.ts';
import { renderChange } from '../../../../shared/present/changes.ts';
import { createStyle } from '../../../../shared/present/table.ts';
import { changeReply } from '../../../../shared/protocol/admin.ts';
import { type Report, report as reportDocument } from '../../../../shared/protocol/report.ts';
import { DEFAULT_POLICY } from '../../../../shared/schema/policy.ts';
import { agentOf, catalogOf, roundToEnd } from '../../../labs/faults/agent-of.ts';
import { startInstance } from '../../../labs/faults/instance.ts';
import type { Scenario } from '../../../labs/faults/laboratory.ts';
import { createVolatileMemory } from '../../../labs/faults/machine.ts';
import { packsFrom, servePatched } from '../../../labs/faults/pack-line.ts';
import { PATCHED_FILES, PATCHED_FIX, PATCHED_ONE } from '../../../labs/faults/patched-releases.ts';
import { deployTo, ORDER } from '../../../labs/faults/releases.ts';
import { USUAL } from '../../../labs/faults/scenario.ts';
import { AUTH } from '../../../support/deploy-releases.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { serveHttp } from '../../../support/http-server.ts';

/** As the agent's, in a hurry. */
const LIMITS = { ...EXCHANGE_LIMITS, headersMs: 400, rateGraceMs: 400 };
/** Twice as long as a line may drip, with what a deployment takes on a machine that has other work. */
const MOST_MS = 2 * LIMITS.rateGraceMs + 9_000;

const DEAD_AT_ONCE = ['/bin/sh', '-c', 'kill -9 $$'];

const treeOf = (deployable: typeof PATCHED_FIX) => [...deployable.releases.values()].map(treeHexOf);
const treeHexOf = ({ document }: { document: { tree: { digest: Parameters<typeof hexOf>[0] } } }) =>
  hexOf(document.tree.digest);
const [fixed = ''] = treeOf(PATCHED_FIX);
const PACK = PATCHED_FILES.get(`packs/${fixed}/full.pack`)!;

/** Three bytes a tenth of a second, until nobody listens. */
function drip(response: ServerResponse, bytes: Buffer): void {
  let at = 0;
  response.writeHead(200, { 'content-length': bytes.length });
  const timer = setInterval(() => {
    response.write(bytes.subarray(at, at + 3));
    at += 3;
  }, 100);
  response.once('close', () => clearInterval(timer));
}

type Tamper = (response: ServerResponse, bytes: Buffer, range: string | undefined) => void;

const says =
  (text: (bytes: Buffer) => string | Buffer): Tamper =>
  (response, bytes) =>
    response.end(text(bytes));

/** One byte more each time, as a line does that breaks for ever. */
const breaks: Tamper = (response, bytes, range) => {
  const from = Number(/\d+/.exec(range ?? '')?.[0] ?? 0);
  const headers = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  response.writeHead(from === 0 ? 200 : 206, { ...headers, 'content-length': bytes.length - from });
  response.write(bytes.subarray(from, from + 1), () => setTimeout(() => response.destroy(), 20));
};

interface Lie {
  readonly name: string;
  readonly list?: Tamper;
  readonly patch?: Tamper;
  readonly program?: readonly string[];
  /** Words that stand in what the operator reads; null where nobody offered a patch. */
  readonly told: RegExp | null;
}

const LIES: readonly Lie[] = [
  { name: 'a list that is none', list: says(() => '<html>sign in</html>'), told: /JSON/ },
  {
    name: 'a list longer than any',
    list: says(() => Buffer.alloc(2 ** 20, '[')),
    told: /8\.\d kB|8 kB|8192|8,192/,
  },
  {
    name: 'a list that says too few bytes',
    list: says((bytes) => bytes.toString().replace(/"bytes":\d+/, '"bytes":9')),
    told: /\b9\b/,
  },
  { name: 'a list that drips', list: drip, told: /slower than 512/ },
  { name: 'a list that never answers', list: () => undefined, told: /no answer within 0.4 seconds/ },
  { name: 'a list that is gone', list: (response) => response.writeHead(404).end(), told: null },
  { name: 'a patch that is gone', patch: (response) => response.writeHead(404).end(), told: /404/ },
  {
    name: 'the patch of another tree',
    patch: (response) => response.end([...PATCHED_FILES].find(isOtherPatch)?.[1]),
    told: /the tree it names/,
  },
  {
    name: 'a patch of other bytes',
    patch: says((bytes) => Buffer.from(bytes).fill(7, bytes.length - 40)),
    told: /damaged/,
  },
  { name: 'a patch that breaks off for ever', patch: breaks, told: /cannot reach/ },
  { name: 'a patch slower than the least rate', patch: drip, told: /slower than 512/ },
  { name: 'a process that is killed', program: DEAD_AT_ONCE, told: /SIGKILL/ },
];

function isOtherPatch([path, bytes]: readonly [string, Buffer]): boolean {
  const own = [...PATCHED_FILES].find(
    ([name]) => name.startsWith(`packs/${fixed}/`) && name.endsWith('.patch'),
  );
  return path.endsWith('.patch') && path !== own?.[0] && bytes.length <= (own?.[1].length ?? 0);
}

/** A whole agent on a frozen channel that runs what the order affects; what it is served lies. */
async function frozenAgent({ list, patch, program }: Omit<Lie, 'name' | 'told'>) {
  const asked: string[] = [];
  const lie: RequestListener = (request, response) => {
    const path = request.url?.slice(1) ?? '';
    const bytes = PATCHED_FILES.get(path);
    asked.push(path.replace(/^.*\//, '').replace(/^[0-9a-f]{64}/, 'a'));
    const tamper = path.endsWith('.json') ? list : path.endsWith('.patch') ? patch : undefined;
    if (tamper === undefined || bytes === undefined || !path.includes(fixed)) servePatched(request, response);
    else tamper(response, bytes, request.headers.range);
  };
  const packs = packsFrom(await serveHttp(lie), LIMITS, program);
  const stateDir = temporaryDirectory();
  writeFileSync(join(stateDir, 'settings.json'), JSON.stringify({ ...DEFAULT_POLICY, channel: 'frozen' }));
  const scenario: Scenario = {
    ...{ ...USUAL, name: 'forced', history: [] },
    packs: async () => packs,
    act: async () => undefined,
  };
  const instance = await startInstance({ stateDir, memory: createVolatileMemory(), scenario });
  await deployTo(PATCHED_ONE)(instance);
  asked.length = 0;
  const catalog = { ...catalogOf(PATCHED_ONE, PATCHED_FIX), advisories: [ORDER] };
  return { instance, state: agentOf(instance, catalog), asked };
}

/** `fairlead change 2`. */
async function change(state: AgentState): Promise<string> {
  const ask = { method: 'GET', path: '/v1/changes/2', body: new Uint8Array(), actor: 'ada' };
  const { change: told } = changeReply.parse(await createAdminRoutes(state)(ask));
  return renderChange(told, createStyle(false)).join('\n');
}

/** What the vendor is told next, as its server reads it. */
async function reported(state: AgentState): Promise<Report> {
  const sent: Report[] = [];
  const reporter = createReporter({
    channel: {
      send: async (one) => {
        sent.push(one);
        const reads = ['facts', 'fixes', 'fetched'] as const;
        return { sequence: one.sequence, held: null, reads: [...reads], proposals: null, twinsHeard: null };
      },
      beat: () => Promise.reject(new TypeError('there is news')),
    },
    outbox: { read: async () => EMPTY_OUTBOX, write: async () => undefined, damage: async () => null },
    log: state.log,
    observe: () => observe(state),
    records: () => state.deployer.records(),
    isOff: async () => false,
    witness: { claim: async () => null, take: async () => undefined, noteRestored: async () => undefined },
    onMark: () => undefined,
  });
  reporter.request();
  await reporter.settled();
  return reportDocument.parse(JSON.parse(JSON.stringify(sent.at(-1))));
}

describe('an order on a frozen channel', () => {
  it('comes as a patch where nothing lies', async () => {
    const { state, asked } = await frozenAgent({});

    await roundToEnd(state);

    expect(asked).toEqual(['patches.json', 'a.patch']);
    expect((await state.deployer.records()).at(-1)).toMatchObject({
      ...{ state: 'committed', reason: { kind: 'forced' } },
      fetched: [{ component: AUTH, way: 'patch' }],
    });
    expect(await change(state)).toMatch(/fetched +core\/auth: [\d.]+ k?B, as a patch$/m);
  });

  it.each(LIES)('arrives whole behind $name', async ({ told, ...lie }) => {
    const { state, asked } = await frozenAgent(lie);
    const begun = performance.now();

    await roundToEnd(state);

    expect(performance.now() - begun).toBeLessThan(MOST_MS);
    const record = (await state.deployer.records()).at(-1);
    expect(record).toMatchObject({
      ...{ state: 'committed', reason: { kind: 'forced', advisories: [ORDER.id] } },
      fetched: [{ component: AUTH, way: 'pack' }],
    });
    const [fetched] = record?.fetched ?? [];
    expect(fetched?.bytes).toBeGreaterThanOrEqual(PACK.length);
    // Once a list, a patch at most twice, and then what cannot lie.
    expect(asked.filter((one) => one === 'a.patch').length).toBeLessThanOrEqual(2);
    expect(asked.at(0)).toBe('patches.json');
    expect(asked.at(-1)).toBe('full.pack');
    expect(asked.length).toBeLessThanOrEqual(4);
    expect(await state.deployer.quarantine()).toEqual([]);

    const line = (await change(state)).split('\n').find((one) => one.startsWith('fetched'));
    const { records } = await reported(state);
    if (told === null) expect([line, fetched?.instead]).toEqual([expect.stringMatching(/whole$/), undefined]);
    else {
      expect(line).toMatch(/whole; the patch was of no use: /);
      expect(line).toMatch(told);
    }
    expect(records.at(-1)?.fetched).toEqual([fetched]);
  });
});
