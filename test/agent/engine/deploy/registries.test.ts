// How registries reach what fetches from them: as the operator has them, without a password read.
import { describe, expect, it } from 'vitest';
import { prepare } from '../../../../agent/engine/deploy/prepare.ts';
import { instanceConfig } from '../../../../shared/schema/instance.ts';
import { AUTH, releaseOf } from '../../../support/deploy-releases.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const REGISTRIES = {
  'registry.example.com': { user: 'reader', password: '${file:/etc/fairlead-registry}' },
  'docker.io': { mirror: 'https://cache.example.com/hub' },
};

async function prepared(image: object, registries: object | undefined, read = async () => 'secret\n') {
  const service = { driver: 'compose', file: 'compose.yaml', images: [image] };
  const releases = new Map([[AUTH, releaseOf(AUTH, '1.0.0', { service })]]);
  const config = instanceConfig.parse({
    ...{ schema: 'fairlead/instance@1', suites: { '*': {} } },
    ...(registries === undefined ? {} : { registries }),
  });
  const sources = {
    trees: { directoryOf: () => '/tree' },
    store: { dataDirectoryOf: () => '/data' },
    secrets: { learn: () => undefined },
    readReference: read,
  };
  const one = await prepare(sources as never, { config, releases } as never, AUTH);
  return { unit: one?.unit };
}

describe('the registries of an operator', () => {
  const referred = { ref: `registry.example.com/auth@${digest}` };

  it('reach a unit that fetches, with no password read, and leave it what it is', async () => {
    const unreadable = () => Promise.reject(new Error('cannot be read'));

    const { unit } = await prepared(referred, REGISTRIES, unreadable);

    expect(unit?.registries).toEqual(REGISTRIES);
    expect(unit?.identity).toBe((await prepared(referred, undefined)).unit?.identity);
  });

  it('reach nothing that brings its images along', async () => {
    const { unit } = await prepared({ layout: 'images', digest }, REGISTRIES);

    expect(unit?.registries).toBeUndefined();
  });

  it.each<[string, object]>([
    ['a password in the configuration itself', { 'registry.example.com': { user: 'a', password: 'secret' } }],
    ['a mirror that holds one', { 'docker.io': { mirror: 'https://a:secret@cache.example.com' } }],
    ['a mirror that is none', { 'docker.io': { mirror: 'cache' } }],
    ['a user without a password', { 'docker.io': { user: 'a' } }],
    ['a password without a user', { 'docker.io': { password: '${file:/x}' } }],
    ['another name than a registry’s', { 'https://registry.example.com': {} }],
  ])('are refused with %s', async (_, registries) => {
    await expect(prepared(referred, registries)).rejects.toThrow();
  });
});
