// The policy document: what it refuses, and that the refusal names the field.
import { describe, expect, it } from 'vitest';
import { instantMs } from '../../../shared/encoding/instant.ts';
import { findStale } from '../../../shared/policy/satisfiable.ts';
import { DEFAULT_POLICY } from '../../../shared/schema/policy.ts';
import { refusalOf } from '../../support/error-code.ts';
import { policyOf } from '../../support/scenario.ts';

const KEY = 'a'.repeat(64);
const pin = { level: 'capability', name: 'core/auth', version: '~1.2', owner: 'ops', reason: 'audit' };
const night = { name: 'night', cron: '0 2 * * sat', duration: 'PT4H', zone: 'Europe/Berlin' };
const hold = { since: '2026-03-01T00:00:00Z', until: '2026-03-04T00:00:00Z', reason: 'surgery', by: 'ops' };

describe('a policy', () => {
  it('is on auto without windows when nobody wrote one', () => {
    expect(DEFAULT_POLICY).toMatchObject({ channel: 'auto', pins: [], windows: { allow: [], deny: [] } });
  });

  it.each(['1.2.0', '~1.2', '1.x', '>=1.2 <2', 'latest-1'])('takes the pin version %s', (version) => {
    expect(policyOf({ pins: [{ ...pin, version }] }).pins[0]?.version).toBe(version);
  });

  it('takes an emergency hold of 72 hours', () => {
    expect(policyOf({ emergencyHold: hold }).emergencyHold?.by).toBe('ops');
  });

  it('says that forced patches do not wait for a hold of a clock that was ahead', () => {
    const policy = policyOf({ emergencyHold: hold });

    const told = ['2021-03-01T00:00:00Z', hold.since].map((now) => findStale(policy, instantMs(now)).length);

    expect(told).toEqual([1, 0]);
  });

  it.each([
    { name: 'an unknown key', part: { chanel: 'auto' }, path: 'chanel' },
    { name: 'an unknown channel', part: { channel: 'slow' }, path: 'channel' },
    { name: 'a pin to no version', part: { pins: [{ ...pin, version: 'newest' }] }, path: 'pins.0.version' },
    { name: 'a pin without an owner', part: { pins: [{ ...pin, owner: '' }] }, path: 'pins.0.owner' },
    { name: 'a capability pin on a suite', part: { pins: [{ ...pin, name: 'core' }] }, path: 'pins.0.name' },
    { name: 'a pin at no level', part: { pins: [{ ...pin, level: 'team' }] }, path: 'pins.0.level' },
    { name: 'latest-0', part: { pins: [{ ...pin, version: 'latest-0' }] }, path: 'pins.0.version' },
    { name: 'six cron fields', part: allow({ cron: '0 0 2 * * *' }), path: 'windows.allow.0.cron' },
    {
      name: 'an hour that does not exist',
      part: allow({ cron: '0 24 * * *' }),
      path: 'windows.allow.0.cron',
    },
    { name: 'two kinds of day', part: allow({ cron: '0 2 1 * mon' }), path: 'windows.allow.0.cron' },
    {
      name: 'a zone that does not exist',
      part: allow({ zone: 'Mars/Olympus' }),
      path: 'windows.allow.0.zone',
    },
    { name: 'a window without length', part: allow({ duration: 'PT0S' }), path: 'windows.allow.0.duration' },
    { name: 'a window of eight days', part: allow({ duration: 'P8D' }), path: 'windows.allow.0.duration' },
    {
      name: 'more approvals than approvers',
      part: { approvals: { required: 2, approvers: [{ name: 'ops', key: KEY }] } },
      path: 'approvals.required',
    },
    {
      name: 'two approvers with one key',
      part: {
        approvals: {
          required: 2,
          approvers: [
            { name: 'ops', key: KEY },
            { name: 'security', key: KEY },
          ],
        },
      },
      path: 'approvals.required',
    },
    {
      name: 'two approvals without any key',
      part: { approvals: { required: 2 } },
      path: 'approvals.required',
    },
    { name: 'a hold that ends first', part: { hold: { ...hold, until: hold.since } }, path: 'hold.until' },
    {
      name: 'an emergency hold of more than 72 hours',
      part: { emergencyHold: { ...hold, until: '2026-03-04T00:00:01Z' } },
      path: 'emergencyHold.until',
    },
  ])('refuses $name and says where', ({ part, path }) => {
    const error = refusalOf(() => policyOf(part));

    expect(error.code).toBe('document/invalid');
    expect(error.data).toMatchObject({ issues: [{ path }] });
  });
});

function allow(part: Partial<typeof night>) {
  return { windows: { allow: [{ ...night, ...part }] } };
}
