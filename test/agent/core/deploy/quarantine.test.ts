// What an ended deployment puts into quarantine: the culprit where one is known, for good or for a while, or nothing.
import { describe, expect, it } from 'vitest';
import type { Generation, Quarantined } from '../../../../agent/core/deploy/generation.ts';
import { type EndedDeployment, isHeld, selectQuarantined } from '../../../../agent/core/deploy/quarantine.ts';
import { instantMs } from '../../../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import type { Failure } from '../../../../shared/schema/journal.ts';
import { API, AUTH, deployableOf } from '../../../support/deploy-releases.ts';
import { recordOf } from '../../../support/deployments.ts';

const generationOf = (number: number, versions: Record<string, string>): Generation => ({
  ...deployableOf(versions),
  number,
  healthy: true,
});
const OLD = generationOf(1, { [AUTH]: '1.0.0', [API]: '1.0.0' });
const NEW = generationOf(2, { [AUTH]: '1.0.1', [API]: '1.0.1' });
const AT = '2026-03-01T10:05:00.000Z';

const failed = (changes: Partial<Failure> = {}): Failure => ({
  code: 'deploy/unhealthy',
  message: 'stopped\nrunning',
  component: AUTH,
  fault: 'release',
  ...changes,
});
const endedAs = (state: DeploymentState, changes: Partial<EndedDeployment> = {}): EndedDeployment => ({
  record: recordOf(2, ['planned', state]),
  target: NEW,
  previous: OLD,
  failure: failed(),
  degraded: new Set(),
  earlier: [],
  known: [],
  at: AT,
  ...changes,
});
const namesOf = (ended: EndedDeployment) =>
  selectQuarantined(ended).map(({ component, version, until }) =>
    until === undefined ? `${component} ${version}` : `${component} ${version} for a while`,
  );
const ENVIRONMENT = failed({ code: 'deploy/files-changed', fault: 'environment' });
const earlierAs = (state: DeploymentState) => [recordOf(1, [state], { to: recordOf(2, []).to })];
const heldOnce = (release: string | undefined): Quarantined => ({
  component: AUTH,
  release: release ?? '',
  version: '1.0.1',
  since: AT,
  reason: 'earlier',
  record: 1,
  until: AT,
  attempts: 3,
});
const AUTH_RELEASE = NEW.releases.get(AUTH)?.digest;

describe('a deployment that ended', () => {
  it.each<[string, EndedDeployment, readonly string[]]>([
    ['committed', endedAs('committed', { failure: null }), []],
    ['rolled back by its release’s fault', endedAs('rolled-back'), ['core/auth 1.0.1']],
    ['inconsistent by its release’s fault', endedAs('inconsistent'), ['core/auth 1.0.1']],
    [
      'rolled back, and nobody knows which of its releases did it',
      endedAs('rolled-back', { failure: failed({ component: null }) }),
      ['core/api 1.0.1', 'core/auth 1.0.1'],
    ],
    [
      'rolled back by what it did not change',
      endedAs('rolled-back', { failure: failed({ component: 'core/web' as ComponentKey }) }),
      ['core/api 1.0.1', 'core/auth 1.0.1'],
    ],
    [
      'rolled back by its surroundings',
      endedAs('rolled-back', { failure: ENVIRONMENT }),
      ['core/auth 1.0.1 for a while'],
    ],
    [
      'rolled back by its surroundings again',
      endedAs('rolled-back', { failure: ENVIRONMENT, earlier: earlierAs('rolled-back') }),
      ['core/auth 1.0.1'],
    ],
    [
      'rolled back by its surroundings after it was only abandoned',
      endedAs('rolled-back', { failure: ENVIRONMENT, earlier: earlierAs('abandoned') }),
      ['core/auth 1.0.1 for a while'],
    ],
    ['inconsistent by its surroundings', endedAs('inconsistent', { failure: ENVIRONMENT }), []],
    ['abandoned by its release’s fault, once', endedAs('abandoned'), ['core/auth 1.0.1 for a while']],
    [
      'abandoned by its release’s fault, twice',
      endedAs('abandoned', { earlier: earlierAs('abandoned') }),
      ['core/auth 1.0.1'],
    ],
    [
      'abandoned by its release’s fault, which was held for a while before',
      endedAs('abandoned', { known: [heldOnce(AUTH_RELEASE)] }),
      ['core/auth 1.0.1'],
    ],
    [
      'abandoned where another release of it was held before',
      endedAs('abandoned', { known: [heldOnce('another')] }),
      ['core/auth 1.0.1 for a while'],
    ],
    [
      'abandoned by its surroundings, twice',
      endedAs('abandoned', { failure: ENVIRONMENT, earlier: earlierAs('abandoned') }),
      ['core/auth 1.0.1 for a while'],
    ],
    ['abandoned by nobody known', endedAs('abandoned', { failure: failed({ component: null }) }), []],
    ['abandoned without a failure', endedAs('abandoned', { failure: null }), []],
    ...[
      'deploy/unhealthy-before',
      'deploy/way-back-damaged',
      'disk/full',
      'disk/failed',
      'transport/unreachable',
      'service/no-room',
      'deploy/agent-stops',
    ].map((code): [string, EndedDeployment, readonly string[]] => [
      `abandoned by ${code}, which is not about the component`,
      endedAs('abandoned', { failure: failed({ code, fault: 'environment' }) }),
      [],
    ]),
    [
      'abandoned by transport/unreachable-object, which is about the component',
      endedAs('abandoned', {
        failure: failed({ code: 'transport/unreachable-object', fault: 'environment' }),
      }),
      ['core/auth 1.0.1 for a while'],
    ],
    [
      'rolled back with the same releases and other settings',
      endedAs('rolled-back', { target: { ...OLD, number: 2 } }),
      ['core/auth settings'],
    ],
    [
      'rolled back with other settings, by nobody known',
      endedAs('rolled-back', { target: { ...OLD, number: 2 }, failure: failed({ component: null }) }),
      ['core/auth settings'],
    ],
    [
      'rolled back with other settings, without a failure or a step',
      endedAs('rolled-back', {
        target: { ...OLD, number: 2 },
        failure: null,
        earlier: earlierAs('rolled-back'),
        record: recordOf(2, ['rolled-back'], { steps: [] }),
      }),
      [],
    ],
    ['the first of all, rolled back', endedAs('rolled-back', { previous: null }), ['core/auth 1.0.1']],
  ])('%s', (_how, ended, entries) => {
    expect(namesOf(ended)).toEqual(entries);
  });

  it('is told in its entry: which release, since when, by which change, and why on one line', () => {
    expect(selectQuarantined(endedAs('rolled-back'))).toEqual([
      {
        component: AUTH,
        release: AUTH_RELEASE,
        version: '1.0.1',
        since: AT,
        reason: 'stopped running',
        record: 2,
      },
    ]);
  });

  it.each([
    [0, 60_000, 1],
    [3, 8 * 60_000, 4],
    [20, 6 * 3_600_000, 21],
  ])('for a while after %i attempts waits %i ms', (attempts, pause, counted) => {
    const known = attempts === 0 ? [] : [{ ...heldOnce(AUTH_RELEASE), attempts }];
    const ended = endedAs('abandoned', { failure: ENVIRONMENT, known });
    const [entry] = selectQuarantined(ended);

    expect(instantMs(entry?.until ?? '') - instantMs(AT)).toBe(pause);
    expect(entry?.attempts).toBe(counted);
  });
});

describe('a rollback that ended', () => {
  const rollback = (state: DeploymentState, changes: Partial<EndedDeployment> = {}) =>
    endedAs(state, {
      record: recordOf(3, [state], { reason: { kind: 'rollback', generation: 1 }, actor: 'ada' }),
      target: OLD,
      previous: NEW,
      failure: null,
      ...changes,
    });

  it.each<[string, EndedDeployment, readonly string[]]>([
    ['holds back all that it left', rollback('committed'), ['core/api 1.0.1', 'core/auth 1.0.1']],
    [
      'holds back what had degraded alone',
      rollback('committed', { degraded: new Set([API]) }),
      ['core/api 1.0.1'],
    ],
    [
      'holds back all where what degraded was not left',
      rollback('committed', { degraded: new Set(['core/web' as ComponentKey]) }),
      ['core/api 1.0.1', 'core/auth 1.0.1'],
    ],
    ['holds nothing back when it did not commit', rollback('abandoned'), []],
    ['holds nothing back when nothing was left', rollback('committed', { previous: null }), []],
  ])('%s', (_what, ended, entries) => {
    expect(namesOf(ended)).toEqual(entries);
  });

  it('says who asked for it, and why', () => {
    const reasons = (note: object) => {
      const { record } = rollback('committed');
      return selectQuarantined(rollback('committed', { record: { ...record, ...note } })).map(
        ({ reason }) => reason,
      );
    };
    expect(reasons({})[0]).toBe('rolled back by ada');
    expect(reasons({ note: 'too slow' })[0]).toBe('rolled back by ada: too slow');
  });
});

describe('an entry', () => {
  const entry = { ...heldOnce('r'), since: '2026-03-01T10:00:00Z', until: '2026-03-01T11:00:00Z' };

  it.each([
    ['from its moment on', '2026-03-01T10:00:00Z', true],
    ['just before its end', '2026-03-01T10:59:59Z', true],
    ['no more at its end', '2026-03-01T11:00:00Z', false],
    ['not before its beginning: a clock was set back', '2026-03-01T09:59:59Z', false],
  ])('holds %s', (_when, now, held) => {
    expect(isHeld(entry, instantMs(now))).toBe(held);
    expect(isHeld({ ...entry, until: undefined }, instantMs(now))).toBe(true);
  });
});
