// The operator's own compose files: in force since the deployment that brought them, without a break.
import { describe, expect, it } from 'vitest';
import type { Generation } from '../../../../agent/core/deploy/generation.ts';
import { overridesIn, overridesNow } from '../../../../agent/engine/agent/overrides.ts';
import { digestOfValue } from '../../../../shared/encoding/digest.ts';
import type { DeploymentRecord } from '../../../../shared/schema/deployment.ts';
import { recordOf } from '../../../support/deployments.ts';

const FILE = '/etc/fairlead/web.yaml';

/** With what stood in the file over `core/web`; null where there was none. */
function generation(number: number, text: string | null): Generation {
  const override = text === null ? {} : { override: { file: FILE, text } };
  const capabilities = { web: { enabled: true, settings: {}, ...override } };
  const components = [{ component: 'core/web' }, { component: 'core/api' }];
  return {
    number,
    manifest: { components },
    config: { suites: { core: { enabled: true, capabilities } } },
  } as unknown as Generation;
}

/** That generation, as it was committed by the deployment of that number. */
const committed = (id: number, of: number) => recordOf(id, ['planned', 'committed'], { generation: of });
const abandoned = (id: number, of: number) => recordOf(id, ['planned', 'abandoned'], { generation: of });
const endOf = (record: DeploymentRecord) => record.stages.at(-1)?.at;

describe('an override', () => {
  it('is named with the digest of what stood in it, where there is one', () => {
    expect(overridesIn(generation(1, null))).toEqual([]);
    expect(overridesIn(generation(1, 'a'))).toEqual([
      { component: 'core/web', file: FILE, digest: digestOfValue('a') },
    ]);
  });

  const [first, second, third] = [committed(1, 1), committed(2, 2), committed(3, 3)];
  it.each<[string, Generation[], DeploymentRecord[], number | null]>([
    [
      'that brought it',
      [generation(1, null), generation(2, 'a'), generation(3, 'a')],
      [first, second, third],
      2,
    ],
    [
      'that was the first',
      [generation(1, 'a'), generation(2, 'a'), generation(3, 'a')],
      [first, second, third],
      1,
    ],
    [
      'that changed it',
      [generation(1, 'a'), generation(2, 'b'), generation(3, 'a')],
      [first, second, third],
      3,
    ],
    [
      'that returned to it',
      [generation(3, 'a'), generation(4, null)],
      [third, committed(4, 4), committed(5, 3)],
      5,
    ],
    [
      'that brought it, not one that ended otherwise',
      [generation(2, 'a'), generation(3, 'a')],
      [second, abandoned(3, 4), committed(4, 3)],
      2,
    ],
    [
      'that nobody can tell, where one before the first still known may have had it',
      [generation(2, 'a'), generation(3, 'a')],
      [first, second, third],
      null,
    ],
    ['whose record is lost', [generation(3, 'a')], [], null],
  ])('is in force since the deployment %s', async (_, generations, records, since) => {
    const current = generations.find(({ number }) => number === 3) ?? null;
    const record = records.find(({ id }) => id === since);

    const [now] = await overridesNow(current, records, async () => generations);

    expect(now).toMatchObject({ component: 'core/web', file: FILE });
    expect(now?.since ?? null).toEqual(
      record === undefined ? null : { generation: record.generation, at: endOf(record) },
    );
  });

  it('is none where nothing is installed, or none was given: then no disk is asked', async () => {
    const noDisk = () => Promise.reject(new Error('asked'));

    expect(await overridesNow(null, [], noDisk)).toEqual([]);
    expect(await overridesNow(generation(1, null), [first], noDisk)).toEqual([]);
  });
});
