// Settings: values checked against what a capability declares.
import { describe, expect, it } from 'vitest';
import { resolveSettings } from '../../../shared/compile/settings.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { refusalOf } from '../../support/error-code.ts';
import { buildRelease } from '../../support/scenario.ts';

interface Refusal {
  readonly name: string;
  readonly settings: Record<string, unknown>;
  readonly key: string;
  readonly found: string;
}

const DECLARED = {
  port: { type: 'integer', default: 8080, minimum: 1, maximum: 65_535 },
  secret: { type: 'string', minLength: 4, maxLength: 64 },
  level: { type: 'string', enum: ['info', 'debug'], default: 'info' },
  tls: { type: 'boolean', default: false },
};
const PATH = 'suites.core.capabilities.auth.settings';

describe('resolveSettings', () => {
  it('fills in defaults and keeps what the admin wrote', () => {
    expect(resolveSettings(release(), config({ secret: 'sesame', tls: true }))).toEqual({
      given: { secret: 'sesame', tls: true },
      defaults: { level: 'info', port: 8080 },
    });
  });

  it('takes the settings of a suite that only * enables from nowhere', () => {
    const all = instanceConfig.parse({ schema: 'fairlead/instance@1', suites: { '*': {} } });

    expect(refusalOf(() => resolveSettings(release(), all)).data).toMatchObject({
      issues: [{ path: `${PATH}.secret` }],
    });
  });

  it.each(['${env:AUTH_SECRET}', '${file:/run/secrets/auth}'])(
    'leaves %s for when the service starts',
    (text) => {
      expect(resolveSettings(release(), config({ secret: text, port: text }))).toMatchObject({
        given: { secret: text, port: text },
      });
    },
  );

  it.each<Refusal>([
    { name: 'a missing setting without default', settings: {}, key: 'secret', found: 'nothing' },
    { name: 'an unknown setting', settings: { secret: 'sesame', prot: 1 }, key: 'prot', found: '"prot"' },
    {
      name: 'a setting named like an inherited property',
      settings: { secret: 'sesame', constructor: 1 },
      key: 'constructor',
      found: '"constructor"',
    },
    { name: 'a wrong type', settings: { secret: 'sesame', port: 'http' }, key: 'port', found: '"http"' },
    {
      name: 'a number out of range',
      settings: { secret: 'sesame', port: 65_536 },
      key: 'port',
      found: '65536',
    },
    { name: 'text that is too short', settings: { secret: 'abc' }, key: 'secret', found: '"abc"' },
    {
      name: 'a value not in the list',
      settings: { secret: 'sesame', level: 'all' },
      key: 'level',
      found: '"all"',
    },
    { name: 'a boolean in quotes', settings: { secret: 'sesame', tls: 'yes' }, key: 'tls', found: '"yes"' },
  ])('refuses $name and names it', ({ settings, key, found }) => {
    const error = refusalOf(() => resolveSettings(release(), config(settings)));

    expect(error.code).toBe('document/invalid');
    expect(error.data).toMatchObject({ issues: [{ path: `${PATH}.${key}`, found }] });
  });

  it('names everything that is wrong at once', () => {
    const error = refusalOf(() => resolveSettings(release(), config({ port: 0, tls: 1 })));

    expect(error.data).toMatchObject({
      issues: [{ path: `${PATH}.port` }, { path: `${PATH}.secret` }, { path: `${PATH}.tls` }],
    });
  });
});

function release(): CapabilityRelease {
  return buildRelease(parseRef('core/auth@1.0.0'), { settings: DECLARED }).document as CapabilityRelease;
}

function config(settings: Record<string, unknown>): InstanceConfig {
  return instanceConfig.parse({
    schema: 'fairlead/instance@1',
    suites: { core: { capabilities: { auth: { settings } } } },
  });
}
