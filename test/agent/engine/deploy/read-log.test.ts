// The log of a service, as it is read for people: how much, of which service, since when, and what is no log at all.
import { describe, expect, it } from 'vitest';
import { readLog } from '../../../../agent/engine/deploy/read-log.ts';
import { createSecrets } from '../../../../shared/encoding/redact.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { MOST_LOG_LINES } from '../../../../shared/protocol/upkeep.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import { API, AUTH, type Deployable, deployableOf, releaseOf } from '../../../support/deploy-releases.ts';
import { besides } from '../../../support/deploy-scenarios.ts';
import { dataOf, rejectionOf } from '../../../support/error-code.ts';
import { settle } from '../../../support/fake-clock.ts';

const TOKEN = { settings: { token: { type: 'string' } } };
const withToken = (version: string, name: string) =>
  deployableOf({ [AUTH]: releaseOf(AUTH, version, TOKEN) }, { [AUTH]: { token: `\${env:${name}}` } });

function logging(history: readonly Deployable[], log = 'one\ntwo\n') {
  const asked: unknown[] = [];
  const secrets = createSecrets();
  const values: Record<string, string> = { OLD: 'sesame-of-then', NEW: 'sesame-of-now' };
  const evidence = { value: null as object | null };
  const sources = {
    secrets,
    onWarning: () => undefined,
    trees: { directoryOf: (tree: string) => `/trees/${tree}` },
    store: {
      generations: async () => history.map((one, index) => ({ ...one, number: index + 1 })),
      currentNumber: async () => (history.length === 0 ? null : history.length),
      dataDirectoryOf: () => '/data',
      readEvidence: async (change: number) => (change === 7 ? evidence.value : null),
    },
    readReference: async ({ name }: { readonly name: string }) => {
      // What is read from a file takes its time.
      if (name === 'OLD') await settle();
      const value = values[name];
      if (value === undefined)
        throw new FairleadError('setting/unreadable', { kind: 'env', name, problem: 'gone' });
      return value;
    },
    driver: {
      status: async (key: ComponentKey) => ({ kind: key.endsWith('.green') ? 'running' : 'absent', pid: 1 }),
      runs: async () => true,
      async logs(...words: readonly unknown[]) {
        asked.push(words);
        return secrets.redact(log);
      },
    },
    traffic: { slotOf: async () => 'green' },
  };
  return {
    read: (component = AUTH, which = {}) => readLog(sources as never, component, which),
    asked,
    evidence,
    values,
  };
}
const V1 = deployableOf({ [AUTH]: '1.0.0' });

describe('the log of a service', () => {
  it.each([
    [{}, [64 * 1024, undefined]],
    [{ since: 5_000 }, [1024 * 1024, 5_000]],
    [{ since: -5_000 }, [1024 * 1024, 0]],
    [{ since: 0 }, [1024 * 1024, 0]],
  ])('is asked for with %j so far back', async (which, words) => {
    const { read, asked } = logging([V1]);

    expect(await read(AUTH, which)).toEqual(['one', 'two']);
    expect(asked).toEqual([[AUTH, ...words]]);
  });

  it('is that of the slot where it runs', async () => {
    const { read, asked } = logging([besides('1.0.0')]);

    await read();

    expect(asked).toEqual([['core/auth.green', 64 * 1024, undefined]]);
  });

  it.each([
    ['', []],
    ['\n', []],
    ['one', ['one']],
    ['one\n', ['one']],
    ['one\n\n', ['one', '']],
    ['\none', ['', 'one']],
    ['a\u001b[2Jb\n', ['a\ufffd[2Jb']],
  ])('%j is %j', async (log, lines) => {
    expect(await logging([V1], log).read()).toEqual(lines);
  });

  it('is its last lines where there are more than anybody reads', async () => {
    const all = Array.from({ length: MOST_LOG_LINES + 1 }, (_, index) => `${index}`);

    expect(await logging([V1], `${all.join('\n')}\n`).read()).toEqual(all.slice(1));
  });

  it('tells no secret of its service, nor one that it had before', async () => {
    const log = 'sesame-of-then and sesame-of-now\n';

    expect(await logging([withToken('1.0.0', 'OLD'), withToken('1.1.0', 'NEW')], log).read()).toEqual([
      '••• and •••',
    ]);
  });

  it('is read although a secret that it had before is gone, and not where one is gone that it has', async () => {
    const earlier = logging([withToken('1.0.0', 'OLD'), withToken('1.1.0', 'NEW')]);
    delete earlier.values.OLD;
    expect(await earlier.read()).toEqual(['one', 'two']);

    const now = logging([withToken('1.0.0', 'OLD'), withToken('1.1.0', 'NEW')]);
    delete now.values.NEW;
    expect((await rejectionOf(now.read())).code).toBe('setting/unreadable');
    expect(now.asked).toEqual([]);
  });

  it('of what does not run is what is left of it, and a refusal where nothing is', async () => {
    expect(await logging([V1]).read(API)).toEqual(['one', 'two']);
    const { read, asked } = logging([V1], '');
    expect(dataOf(await rejectionOf(read(API)), 'service/no-log')).toEqual({ component: API });
    expect(asked).toEqual([[API, 64 * 1024, undefined]]);
    expect(await logging([], 'one\n').read()).toEqual(['one']);
  });
});

describe('what a deployment left of a log', () => {
  const left = (component: ComponentKey, log: string) => ({ component, status: 'exited', health: '', log });

  it('is told for the component and the change', async () => {
    const { read, evidence, asked } = logging([V1]);
    evidence.value = { components: [left(API, 'api\n'), left(AUTH, 'auth\u0007\n')] };

    expect(await read(AUTH, { change: 7 })).toEqual(['auth\ufffd']);
    expect(asked).toEqual([]);
  });

  it.each([
    ['nothing at all', 8, null],
    ['nothing of the component', 7, { components: [left(API, 'api\n')] }],
  ])('is refused where it left %s', async (_what, change, value) => {
    const { read, evidence } = logging([V1]);
    evidence.value = value;

    expect(dataOf(await rejectionOf(read(AUTH, { change })), 'change/no-log')).toEqual({
      change,
      component: AUTH,
    });
  });
});
