// Deployments as a list and one in full: how each ended, why it was made, and what it left.
import { describe, expect, it } from 'vitest';
import { renderChange, renderChanges, summaryOf, toneOf } from '../../../shared/present/changes.ts';
import {
  DEPLOYMENT_STATES,
  type DeploymentRecord,
  type OverrideInForce,
} from '../../../shared/schema/deployment.ts';
import { MARKED } from '../../support/answers.ts';
import { recordOf } from '../../support/deployments.ts';

const WORDS: Readonly<Record<string, string>> = {
  committed: 'Done',
  'rolled-back': 'Undone',
  abandoned: 'Abandoned',
  inconsistent: 'Error',
  'rolling-back': 'Undoing',
};
const TONES: Readonly<Record<string, string>> = {
  committed: 'good<x>',
  'rolled-back': 'bad<x>',
  abandoned: 'bad<x>',
  inconsistent: 'bad<x>',
  'rolling-back': 'bad<x>',
};

const ranOnce = {
  component: 'core/auth' as never,
  service: 'migrate',
  exitStatus: null,
  ms: 4200,
  limitMs: 1_800_000,
  lastLines: [],
};

describe('the list', () => {
  it('says so when there are none', () => {
    expect(renderChanges([])).toEqual(['No changes yet.']);
  });

  it('gives a deployment that ended its time of ending, and one under way none', () => {
    expect(
      renderChanges([recordOf(1, ['planned', 'committed']), recordOf(2, ['planned', 'fetching'])]),
    ).toEqual([
      'ID  Status  Spawn                     Ready                     Summary',
      '1   Done    2026-03-01T10:01:00.000Z  2026-03-01T10:01:01.000Z  update: core/auth none → 1.0.1 (CHG-1)',
      '2   Doing   2026-03-01T10:02:00.000Z  -                         update: core/auth none → 1.0.2 (CHG-1)',
    ]);
  });

  it('has a dash where no state was entered yet', () => {
    expect(renderChanges([recordOf(1, [])])[1]).toMatch(/^1 {3}Doing {3}- +- +update/);
  });

  it.each(DEPLOYMENT_STATES)('has a word and a tone for %s', (state) => {
    expect(renderChanges([recordOf(1, [state])])[1]).toMatch(new RegExp(`^1 +${WORDS[state] ?? 'Doing'} `));
    expect(toneOf(state, MARKED)('x')).toBe(TONES[state] ?? 'warn<x>');
  });
});

describe('the summary', () => {
  it.each<[string, Partial<DeploymentRecord>, string]>([
    ['by hand', { reason: { kind: 'manual' } }, 'update by hand: core/auth none → 1.0.1 (CHG-1)'],
    [
      'forced',
      { reason: { kind: 'forced', advisories: ['FL-1', 'FL-2'] } },
      'forced by FL-1, FL-2: core/auth none → 1.0.1 (CHG-1)',
    ],
    [
      'a fix that the policy let in',
      { fix: { by: 'policy', advisories: ['FL-1', 'FL-2'], beside: [] } },
      'fix of FL-1, FL-2 by policy: core/auth none → 1.0.1 (CHG-1)',
    ],
    [
      'rolled back to a generation',
      { reason: { kind: 'rollback', generation: 7 } },
      'rollback to generation 7: core/auth none → 1.0.1 (CHG-1)',
    ],
    ['of settings', { steps: [] }, 'update: settings only'],
    [
      'of several steps, a removal and one without a change of the vendor among them',
      {
        steps: [
          { component: 'core/auth', from: '1.0.0', to: null, change: 'CHG-2' },
          { component: 'core/api', from: '1.0.0', to: '1.1.0', change: null },
        ] as unknown as DeploymentRecord['steps'],
      },
      'update: core/auth 1.0.0 → removed (CHG-2), core/api 1.0.0 → 1.1.0',
    ],
  ])('of one %s', (_what, changes, line) => {
    expect(summaryOf(recordOf(1, ['committed'], changes))).toBe(line);
  });
});

describe('one in full', () => {
  const QUIET = recordOf(2, ['planned', 'committed']);
  const render = (changes: Partial<DeploymentRecord>) => renderChange({ ...QUIET, ...changes }, MARKED);
  const drift = {
    component: 'core/auth',
    added: 2,
    damaged: 0,
    mended: false,
    example: 'a.pyc',
  } as NonNullable<DeploymentRecord['drift']>[number];

  it('tells why, what moved, and how long it was in each state', () => {
    expect(render({})).toEqual([
      'good<change 2: committed>',
      'reason   update, started by agent',
      `plan     ${QUIET.plan}`,
      'moves    generation 1 → 2',
      '         core/auth none → 1.0.2 (CHG-1)',
      'states',
      '  2026-03-01T10:02:00.000Z  planned    1.0s',
      '  2026-03-01T10:02:01.000Z  committed',
    ]);
  });

  it('names the compose files of the operator’s that were in it', () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const override = { component: 'core/auth', file: '/etc/fairlead/\u001b[1mweb.yaml', digest };

    expect(renderChange(QUIET, MARKED, [override as OverrideInForce])).toContain(
      'override core/auth: /etc/fairlead/�[1mweb.yaml (sha256:abababababab)',
    );
  });

  it.each<[string, Partial<DeploymentRecord>, string]>([
    ['the words of who started it', { note: 'audit' }, 'reason   update, started by agent: audit'],
    ['that nothing ran before', { previousGeneration: null }, 'moves    generation none → 2'],
    [
      'that a fix moved nothing else',
      { fix: { by: 'order', advisories: ['FL-1'], beside: [] } },
      'fix      nothing moves but what the advisories affect',
    ],
    [
      'what had to move with it, and why',
      {
        fix: {
          ...{ by: 'order', advisories: ['FL-1'] },
          beside: [
            {
              ...{ component: 'core/api', from: '1.0.0' as never, to: '1.1.0' as never },
              because: 'core/auth 1.0.1 requires core/api >=1.1.0',
            },
          ],
        },
      },
      'fix      core/api 1.0.0 → 1.1.0 as well, because core/auth 1.0.1 requires core/api >=1.1.0',
    ],
    [
      'connections that were cut',
      { cutConnections: 3 },
      'cut      3 connections open when the version before stopped',
    ],
    [
      'what was fetched as a patch',
      { fetched: [{ component: 'core/auth' as never, way: 'patch', bytes: 9_604 }] },
      'fetched  core/auth: 9.6 kB, as a patch',
    ],
    [
      'why it was not',
      {
        fetched: [
          { component: 'core/auth' as never, way: 'pack', bytes: 2_000_000, instead: 'gone\u001b[2J' },
        ],
      },
      'fetched  core/auth: 2.0 MB, whole; the patch was of no use: gone\ufffd[2J',
    ],
    [
      'what ran once',
      { once: [{ ...ranOnce, exitStatus: 0, lastLines: ['3 tables', 'a\u001bb'] }] },
      'once     core/auth: migrate done after 4.2s\n         3 tables\n         a\ufffdb',
    ],
    [
      'what ran once and failed',
      { once: [{ ...ranOnce, exitStatus: 4 }] },
      'once     core/auth: migrate exit status 4 after 4.2s',
    ],
    ['what took too long', { once: [ranOnce] }, 'once     core/auth: migrate took longer than 30m'],
    [
      'why it failed',
      { failure: { code: 'deploy/unhealthy', message: 'stopped running' } },
      'bad<failure  stopped running [deploy/unhealthy]>',
    ],
    ['files that were added', { drift: [drift] }, 'files    core/auth before: 2 added, such as a.pyc'],
    [
      'files that were damaged and mended',
      { drift: [{ ...drift, damaged: 1, mended: true }] },
      'files    core/auth before: 1 damaged and mended, 2 added, such as a.pyc',
    ],
    [
      'files that stay damaged',
      { drift: [{ ...drift, added: 0, damaged: 1 }] },
      'files    core/auth before: 1 damaged, which could not be mended, such as a.pyc',
    ],
  ])('tells %s', (_what, changes, line) => {
    const plain = render({});
    expect(render(changes).filter((shown) => !plain.includes(shown))).toEqual(line.split('\n'));
  });

  it('loses nothing of a long failure before its thousandth character', () => {
    const message = 'x'.repeat(1000);
    expect(render({ failure: { code: 'deploy/unhealthy', message } }).join('')).toContain(message);
  });
});
