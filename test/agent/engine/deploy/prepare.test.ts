// Preparing a component: its settings resolved and read once each, every secret known before anything can tell it.
import { describe, expect, it } from 'vitest';
import { ComponentTrouble } from '../../../../agent/core/deploy/failure.ts';
import {
  componentsOf,
  onBehalfOf,
  prepare,
  prepareAll,
  startOrder,
} from '../../../../agent/engine/deploy/prepare.ts';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { API, AUTH, deployableOf, releaseOf, WEB } from '../../../support/deploy-releases.ts';

const SETTINGS = {
  token: { type: 'string' },
  pin: { type: 'string', secret: true },
  tone: { type: 'string', default: 'low' },
  port: { type: 'integer', default: 80 },
};
const release = releaseOf(AUTH, '1.0.0', {
  settings: SETTINGS,
  service: {
    ...{ driver: 'process', exec: ['serve'] },
    env: { ALL: '${settings.token} ${settings.pin} ${settings.tone} ${settings.port}' },
  },
});

function preparing(
  settings: Readonly<Record<string, string | number>> = { token: '${env:T} and ${env:T}', pin: '1234' },
) {
  const learned: string[] = [];
  const read: string[] = [];
  const sources = {
    secrets: { learn: (secret: string) => void learned.push(secret) },
    trees: { directoryOf: (tree: string) => `/trees/${tree}` },
    store: { dataDirectoryOf: (component: string) => `/data/${component}` },
    async readReference({ kind, name }: { readonly kind: string; readonly name: string }) {
      read.push(`${kind} ${name}`);
      if (name === 'GONE')
        throw new FairleadError('setting/unreadable', { kind: 'env', name, problem: 'it is not set' });
      return `value of ${name}`;
    },
  };
  const generation = {
    ...deployableOf({ [AUTH]: release, [WEB]: '1.0.0' }, { [AUTH]: settings }),
    number: 1,
    healthy: true,
  };
  return { sources: sources as never, generation, learned, read };
}

describe('a component', () => {
  it('has its settings, each reference read once, and its directories', async () => {
    const { sources, generation, read } = preparing();

    const one = await prepare(sources, generation, AUTH);

    expect(one?.unit).toMatchObject({
      env: { ALL: 'value of T and value of T 1234 low 80' },
      workingDirectory: `/trees/${release.document.tree.digest}`,
      dataDirectory: '/data/core/auth',
    });
    expect(read).toEqual(['env T']);
  });

  it('makes known what of its settings is secret, by its declaration or by where it comes from', async () => {
    const { sources, generation, learned } = preparing();

    await prepare(sources, generation, AUTH);

    expect(new Set(learned)).toEqual(new Set(['value of T and value of T', '1234']));
  });

  it('is the same unit whatever its secrets hold, and another with other settings', async () => {
    const identity = async (settings: Readonly<Record<string, string>>) => {
      const { sources, generation } = preparing(settings);
      return (await prepare(sources, generation, AUTH))?.unit.identity;
    };
    const T = { token: '${env:T}', pin: '1234' };

    expect(await identity(T)).toBe(await identity({ ...T }));
    expect(await identity(T)).not.toBe(await identity({ ...T, token: '${env:U}' }));
    expect(await identity(T)).not.toBe(await identity({ ...T, tone: 'high' }));
    expect(await identity(T)).toBe(await identity({ ...T, tone: 'low' }));
  });

  it('is none where the generation has none, and where there is no generation', async () => {
    const { sources, generation } = preparing();

    expect(await prepare(sources, generation, API)).toBeNull();
    expect(await prepare(sources, null, AUTH)).toBeNull();
  });

  it('that cannot be read is in trouble alone, with the reason', async () => {
    const { sources, generation } = preparing({ token: '${env:GONE}', pin: '1234' });

    await expect(prepareAll(sources, generation, [WEB, AUTH])).rejects.toMatchObject({
      ...{ component: AUTH, cause: { code: 'setting/unreadable' } },
    });
  });

  it.each([
    ['an error', new Error('why'), 'why'],
    ['anything else', 'why', 'it failed'],
  ])('is whose trouble %s is', async (_what, cause, message) => {
    const trouble = await onBehalfOf(AUTH, () => Promise.reject(cause)).catch((error: unknown) => error);

    expect(trouble).toBeInstanceOf(ComponentTrouble);
    expect(trouble).toMatchObject({ component: AUTH, cause, message });
    expect(await onBehalfOf(AUTH, async () => 'well')).toBe('well');
  });
});

describe('several components', () => {
  it('are those that the generation has, in the order named', async () => {
    const { sources, generation } = preparing();

    const all = await prepareAll(sources, generation, [WEB, API, AUTH]);

    expect(all.map(({ component }) => component)).toEqual([WEB, AUTH]);
    expect(await prepareAll(sources, null, [WEB])).toEqual([]);
  });

  it('are named by the manifest, and started by what needs what', () => {
    const needs = { requires: { [WEB]: '^1.0.0' } };
    const generation = {
      ...deployableOf({ [API]: releaseOf(API, '1.0.0', needs), [WEB]: '1.0.0' }),
      number: 1,
      healthy: true,
    };

    expect([componentsOf(generation), startOrder(generation)]).toEqual([
      [API, WEB],
      [WEB, API],
    ]);
    expect([componentsOf(null), startOrder(null)]).toEqual([[], []]);
  });
});
