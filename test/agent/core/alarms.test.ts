// Alarms: each fact that needs a person has its sentence, the most urgent first, and none speaks without its fact.
import { describe, expect, it } from 'vitest';
import { type Observations, raiseAlarms } from '../../../agent/core/alarms.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';
import type { Contact } from '../../../shared/protocol/admin.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { parseVersion } from '../../../shared/version/version.ts';
import { recordOf } from '../../support/deployments.ts';

const QUIET: Observations = {
  now: instantMs('2026-03-01T10:00:00Z'),
  policy: { kind: 'readable', policy: DEFAULT_POLICY },
  config: { kind: 'readable', config: instanceConfig.parse({ schema: 'fairlead/instance@1', suites: {} }) },
  freshness: 'fresh',
  contact: null,
  askingMs: null,
  unfixable: [],
  pins: [],
  inconsistent: null,
  files: [],
  degraded: [],
  notBegun: null,
  auditProblem: null,
  damages: [],
  forks: [],
  server: { refusal: null, twinsHeard: null },
  support: null,
};
const PIN = {
  pin: { level: 'suite', name: 'core', version: '1.x', owner: 'ada', reason: 'r' },
  state: 'active',
  by: [],
};
const damaged = { path: 'a', problem: 'changed' } as const;
const added = { path: 'b', problem: 'unexpected' } as const;
const holdUntil = (until: string) => ({
  policy: {
    kind: 'readable' as const,
    policy: {
      ...DEFAULT_POLICY,
      emergencyHold: { since: '2026-03-01T09:00:00Z', until, reason: 'audit', by: 'ada' },
    },
  },
});

const HOUR_MS = 3_600_000;
const contactWith = (failure: Contact['failure']) =>
  ({ at: '2026-03-01T09:59:00Z', outcome: 'failed', failure, next: '2026-03-01T10:01:00Z' }) as const;

const FACTS: readonly (readonly [string, Partial<Observations>, readonly string[]])[] = [
  [
    'a change that could not be undone',
    { inconsistent: recordOf(7, ['inconsistent']) },
    ['change 7 could not be undone: see fairlead change 7'],
  ],
  [
    'a deployment that does not begin',
    { notBegun: 'cannot write /records: EPERM' },
    ['what was decided cannot begin: cannot write /records: EPERM'],
  ],
  [
    'a question that does not end',
    { askingMs: 3 * HOUR_MS },
    [
      'the last question to the server has not ended for 3h, and none follows, so no forced patch is heard of: look at this machine’s disks and its line to the server, then systemctl restart fairlead-agent',
    ],
  ],
  [
    'a component that is unhealthy',
    { degraded: [{ component: 'core/auth', since: '2026-03-01T09:00:00Z', detail: 'no answer' }] },
    ['core/auth has been unhealthy since 2026-03-01T09:00:00Z: no answer'],
  ],
  [
    'an advisory without a fix',
    {
      unfixable: [
        { advisory: 'FL-1', component: 'core/auth', version: '1.0.0', reason: 'none is released' } as never,
      ],
    },
    ['FL-1 affects core/auth 1.0.0 and cannot be fixed: none is released'],
  ],
  [
    'a policy that cannot be read',
    { policy: { kind: 'unreadable', problem: 'no JSON' } as never },
    ['the policy cannot be read, so the instance is frozen: no JSON'],
  ],
  [
    'a hold of forced patches',
    holdUntil('2026-03-02T00:00:00Z'),
    ['FORCED PATCHES ARE HELD until 2026-03-02T00:00:00Z by ada: audit'],
  ],
  [
    'a configuration that cannot be read',
    { config: { kind: 'unreadable', problem: 'it is damaged' } as never },
    ['it is damaged'],
  ],
  [
    'a pin in vain',
    { pins: [{ ...PIN, problem: 'nobody has released core' } as never] },
    ['the pin core at 1.x is in vain: nobody has released core'],
  ],
  [
    'files that were changed, and files that were added elsewhere',
    {
      files: [
        { component: 'core/auth', deviations: [added, damaged] },
        { component: 'core/api', deviations: [damaged] },
        { component: 'core/web', deviations: [added] },
        { component: 'core/mail', deviations: [] },
      ],
    },
    [
      'files were changed by hand in core/auth, core/api: see fairlead verify',
      'files that nobody signed stand beside those of core/web: see fairlead verify',
    ],
  ],
  ['a log that cannot be continued', { auditProblem: 'the log is damaged' }, ['the log is damaged']],
  [
    'what was lost',
    { damages: ['the outbox was lost', 'the identity was lost'] },
    ['the outbox was lost', 'the identity was lost'],
  ],
  [
    'signed data that has expired',
    { freshness: 'expired' },
    ['the vendor’s signed data has expired: nothing new is installed until the server is reached'],
  ],
  [
    'a server that takes no word from here, and one that hears another in this one’s name',
    {
      server: {
        refusal: { code: 'instance/isolated', message: 'this install is isolated' },
        twinsHeard: '2026-03-01T09:00:00Z',
      },
    },
    [
      'the server takes no report from this install: this install is isolated (instance/isolated)',
      'another agent speaks in the name of this install, last heard at 2026-03-01T09:00:00Z: its state directory was copied. On the copy: fairlead agent move --copy',
    ],
  ],
  [
    'a platform that is mended no more',
    { support: { platform: parseVersion('2.5.0'), until: '2026-03-01T10:00:00Z' } },
    ['platform 2.5.0 is not mended any more since 2026-03-01T10:00:00Z: update it, or ask the vendor'],
  ],
];

describe('an alarm', () => {
  it('is raised by a platform only from the moment on at which nobody mends it', () => {
    const support = { platform: parseVersion('2.5.0'), until: '2026-03-01T10:00:01Z' };

    expect(raiseAlarms({ ...QUIET, support })).toEqual([]);
  });

  it.each(FACTS)('is raised by %s', (_what, fact, sentences) => {
    expect(raiseAlarms({ ...QUIET, ...fact })).toEqual(sentences);
  });

  it('is raised by a disk that does not keep what was signed, before what is unhealthy', () => {
    const contact = contactWith({
      code: 'disk/failed',
      message: 'cannot write /trust: EROFS',
      hint: 'see dmesg',
    });
    const degraded = [{ component: 'core/auth', since: '2026-03-01T09:00:00Z', detail: 'no answer' }];

    expect(raiseAlarms({ ...QUIET, contact, degraded })).toEqual([
      'what the vendor has signed cannot be kept here, so nothing newer counts, forced patches neither: cannot write /trust: EROFS (disk/failed); see dmesg',
      'core/auth has been unhealthy since 2026-03-01T09:00:00Z: no answer',
    ]);
  });

  it('is raised by a clock that is behind', () => {
    expect(raiseAlarms({ ...QUIET, freshness: 'clock-behind' })).toEqual([
      'this machine’s clock is earlier than data the vendor has signed: correct the clock',
    ]);
  });

  it.each<[string, Partial<Observations>]>([
    ['nothing', {}],
    ['nobody’s first question', { freshness: 'never' }],
    [
      'a server that is away',
      { contact: contactWith({ code: 'transport/unreachable', message: 'no route', hint: 'wait' }) },
    ],
    ['a question that lasts as long as a slow line needs', { askingMs: 3 * HOUR_MS - 1 }],
    ['a pin that holds', { pins: [PIN as never] }],
    ['a hold that is over', holdUntil('2026-03-01T10:00:00Z')],
  ])('is not raised by %s', (_what, fact) => {
    expect(raiseAlarms({ ...QUIET, ...fact })).toEqual([]);
  });

  it('comes in the order of urgency when several are', () => {
    const apart = FACTS.filter(([what]) => what !== 'a policy that cannot be read');
    const all = Object.assign({}, ...apart.map(([, fact]) => fact));

    expect(raiseAlarms({ ...QUIET, ...all })).toEqual(apart.flatMap(([, , sentences]) => sentences));
  });
});
