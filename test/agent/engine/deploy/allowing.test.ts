// What an operator allows a component's containers: it comes from the configuration of the generation, and from nowhere else.
import { describe, expect, it } from 'vitest';
import { prepare } from '../../../../agent/engine/deploy/prepare.ts';
import { instanceConfig } from '../../../../shared/schema/instance.ts';
import { API, AUTH, releaseOf } from '../../../support/deploy-releases.ts';

const images = [{ archive: 'a.tar', digest: `sha256:${'a'.repeat(64)}` }];
const service = { driver: 'compose', file: 'compose.yaml', images };

async function allowedIn(suites: object) {
  const releases = new Map([AUTH, API].map((name) => [name, releaseOf(name, '1.0.0', { service })]));
  const config = instanceConfig.parse({ schema: 'fairlead/instance@1', suites });
  const sources = {
    trees: { directoryOf: () => '/tree' },
    store: { dataDirectoryOf: () => '/data' },
    secrets: { learn: () => undefined },
    readReference: () => Promise.reject(new Error('nothing refers to anything')),
  };
  const prepared = await Promise.all(
    [AUTH, API].map((name) => prepare(sources as never, { config, releases } as never, name)),
  );
  return prepared.map((one) => one?.unit.allow);
}

describe('what an operator allows', () => {
  it('reaches the unit of the capability that it is written for', async () => {
    const allow = ['cap_add', '/srv/media'];

    expect(await allowedIn({ core: { capabilities: { auth: { allow } } } })).toEqual([allow, undefined]);
  });

  it('is nothing where nobody wrote anything', async () => {
    expect(await allowedIn({ '*': {} })).toEqual([undefined, undefined]);
  });
});
