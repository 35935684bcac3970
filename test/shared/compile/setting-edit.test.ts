// One setting as it is typed: by the declared type, within its bounds, and nothing else changed.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEnabled } from '../../../shared/compile/config.ts';
import { withSetting } from '../../../shared/compile/setting-edit.ts';
import { checkSettings, resolveSettings } from '../../../shared/compile/settings.ts';
import { instanceConfig } from '../../../shared/schema/instance.ts';
import type { CapabilityRelease } from '../../../shared/schema/release.ts';
import { parseRef } from '../../../shared/schema/release-ref.ts';
import { dataOf, refusalOf } from '../../support/error-code.ts';
import { buildRelease } from '../../support/scenario.ts';

const RELEASE = buildRelease(parseRef('core/auth@1.0.0'), {
  settings: {
    port: { type: 'integer', minimum: 1, maximum: 65_535 },
    secret: { type: 'string', minLength: 4 },
    level: { type: 'string', enum: ['info', 'debug'], default: 'info' },
    tls: { type: 'boolean', default: false },
  },
}).document as CapabilityRelease;

const configOf = (suites: object) => instanceConfig.parse({ schema: 'fairlead/instance@1', suites });
const CONFIG = configOf({ core: { capabilities: { auth: { settings: { secret: 'sesame' } } } }, web: {} });

const settingsAfter = (key: string, text: string) =>
  withSetting(CONFIG, RELEASE, key, text).suites.core?.capabilities.auth?.settings;

describe('a setting', () => {
  it.each([
    ['port', '8080', 8080],
    ['tls', 'true', true],
    ['tls', 'false', false],
    ['level', 'debug', 'debug'],
    ['secret', '12345', '12345'],
    ['secret', 'true', 'true'],
    ['secret', '${file:/run/secret}', '${file:/run/secret}'],
    ['port', '${env:PORT}', '${env:PORT}'],
  ])('%s is read from %j by its declared type', (key, text, value) => {
    expect(settingsAfter(key, text)).toEqual({ secret: 'sesame', [key]: value });
  });

  it.each([
    ['port', 'http'],
    ['port', '0'],
    ['port', '65536'],
    ['port', '1.5'],
    ['port', ''],
    ['port', '99999999999999999999'],
    ['tls', 'yes'],
    ['level', 'all'],
    ['secret', 'abc'],
    ['prot', '8080'],
    ['constructor', 'x'],
    ['__proto__', 'x'],
  ])('%s is refused as %j', (key, text) => {
    const refusal = refusalOf(() => withSetting(CONFIG, RELEASE, key, text));

    expect(refusal.code).toBe('document/invalid');
  });

  it('that is misspelt names the one that was meant', () => {
    const { issues } = dataOf(
      refusalOf(() => withSetting(CONFIG, RELEASE, 'prot', '1')),
      'document/invalid',
    );

    expect(issues[0]?.remedy).toContain('port');
  });

  it.each<[string, string, string, string]>([
    [
      'prot',
      '"prot"',
      'a setting that the release declares',
      'did you mean "port"?; use one of level, port, secret, tls',
    ],
    [
      'wholly-else',
      '"wholly-else"',
      'a setting that the release declares',
      'use one of level, port, secret, tls',
    ],
    [
      'x'.repeat(100),
      `"${'x'.repeat(80)}"`,
      'a setting that the release declares',
      'use one of level, port, secret, tls',
    ],
  ])('called %s is none: found, expected and what to write are told', (key, found, expected, remedy) => {
    const refusal = refusalOf(() => withSetting(CONFIG, RELEASE, key, '1'));
    const { document, issues } = dataOf(refusal, 'document/invalid');

    expect(document).toBe(`the setting core/auth ${key}`);
    expect(issues).toEqual([{ path: key, found, expected, remedy }]);
  });

  it('of a release that has none is told to be none', () => {
    const bare = buildRelease(parseRef('core/auth@1.0.0')).document as CapabilityRelease;
    const refusal = refusalOf(() => withSetting(CONFIG, bare, 'port', '1'));

    expect(dataOf(refusal, 'document/invalid').issues[0]?.remedy).toBe('it has no settings');
  });

  it('that is refused is refused for its own sake, not for another that is missing', () => {
    const refusal = refusalOf(() => withSetting(configOf({ core: {} }), RELEASE, 'port', '0'));
    const { document, issues } = dataOf(refusal, 'document/invalid');

    expect(document).toBe('the setting core/auth port');
    expect(issues.map(({ path }) => path.split('.').at(-1))).toEqual(['port']);
  });

  describe('that is taken out', () => {
    const written = configOf({
      core: { capabilities: { auth: { settings: { secret: 'sesame', port: 1, level: 'debug', gone: 7 } } } },
    });
    const left = (key: string, config = written) =>
      Object.keys(withSetting(config, RELEASE, key, null).suites.core?.capabilities.auth?.settings ?? {});

    it('is gone where it has a default, or where the release no longer has it, and nothing else is', () => {
      expect(left('level')).toEqual(['secret', 'port', 'gone']);
      expect(left('gone')).toEqual(['secret', 'port', 'level']);
    });

    it('stays where the service cannot do without it', () => {
      expect(
        dataOf(
          refusalOf(() => left('port')),
          'document/invalid',
        ).issues[0]?.remedy,
      ).toBe('add it: it has no default');
    });

    it('changes nothing where it was not there', () => {
      expect(withSetting(CONFIG, RELEASE, 'level', null)).toBe(CONFIG);
      expect(withSetting(CONFIG, RELEASE, 'constructor', null)).toBe(CONFIG);
    });
  });

  it('can be given while another is still missing, and clears what was missing', () => {
    const empty = configOf({ core: {} });
    const one = withSetting(empty, RELEASE, 'port', '1');
    const both = withSetting(one, RELEASE, 'secret', 'sesame');

    expect(checkSettings(RELEASE, one)).toHaveLength(1);
    expect(resolveSettings(RELEASE, both).given).toEqual({ port: 1, secret: 'sesame' });
  });

  it.each([
    ['a suite that is named', { core: {} }, true],
    ['a suite that * enables', { '*': {} }, true],
    ['a suite that is switched off', { core: { enabled: false } }, false],
    ['a suite that nobody named', { web: {} }, false],
    ['a capability that is switched off', { core: { capabilities: { auth: { enabled: false } } } }, false],
  ])('switches nothing on or off in %s', (_name, suites, enabled) => {
    const edited = withSetting(configOf(suites), RELEASE, 'port', '1');

    expect(isEnabled(edited, 'core', 'auth')).toBe(enabled);
    expect(isEnabled(edited, 'other')).toBe(isEnabled(configOf(suites), 'other'));
  });

  it('that is taken has no problem of its own, whatever was typed', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('port', 'secret', 'level', 'tls'),
        fc.string({ maxLength: 12 }),
        (key, text) => {
          let edited = CONFIG;
          try {
            edited = withSetting(CONFIG, RELEASE, key, text);
          } catch {
            return;
          }
          expect(checkSettings(RELEASE, edited).filter(({ path }) => path.endsWith(`.${key}`))).toEqual(
            edited === CONFIG ? expect.anything() : [],
          );
        },
      ),
    );
  });
});
