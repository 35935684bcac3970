// What containers may reach: one part at a time, of a component that is known, and nothing else of the configuration changes.
import { describe, expect, it } from 'vitest';
import { allowancesOf, changeAllowance } from '../../../agent/core/allowance.ts';
import { concernedReleases } from '../../../agent/core/setting-change.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { instanceConfig, MOST_ALLOWED, type Reach } from '../../../shared/schema/instance.ts';
import { codeOf } from '../../support/error-code.ts';
import { compileAnew } from '../../support/finished.ts';
import { compileInputOf } from '../../support/scenario.ts';

const input = compileInputOf({ releases: { 'core/auth@1.0.0': {}, 'core/media@1.0.0': {} } });
const concerned = concernedReleases(input.current, compileAnew(input));

const configOf = (suites: object) => instanceConfig.parse({ schema: 'fairlead/instance@1', suites });
const edit = (component: string, reach: string, allowed: boolean) => ({
  component: component as ComponentKey,
  reach: reach as Reach,
  allowed,
});

describe('what is allowed', () => {
  it('is added behind what is, and said in one line', () => {
    const before = configOf({
      core: { capabilities: { media: { allow: ['devices'], settings: { port: 1 } } } },
    });

    const { config, changes } = changeAllowance(concerned, before, edit('core/media', '/srv/media', true));

    expect(config.suites.core?.capabilities.media).toEqual({
      enabled: true,
      settings: { port: 1 },
      allow: ['devices', '/srv/media'],
    });
    expect(changes).toEqual(['+ core/media may reach /srv/media']);
  });

  it('leaves a component as enabled as it was, also where only * names it', () => {
    const all = changeAllowance(concerned, configOf({ '*': {} }), edit('core/auth', 'gpus', true)).config;
    const off = configOf({ core: { enabled: false, capabilities: { auth: { enabled: false } } } });

    expect(all.suites.core?.enabled).toBe(true);
    expect(changeAllowance(concerned, off, edit('core/auth', 'gpus', true)).config.suites.core).toMatchObject(
      {
        enabled: false,
        capabilities: { auth: { enabled: false, allow: ['gpus'] } },
      },
    );
  });

  it('is refused to what nobody knows, and where there is too much of it', () => {
    const full = Array.from({ length: MOST_ALLOWED }, (_, i) => `/srv/${i}`);
    const crowded = configOf({ core: { capabilities: { auth: { allow: full } } } });

    expect(codeOf(() => changeAllowance(concerned, crowded, edit('core/aut', 'gpus', true)))).toBe(
      'setting/no-component',
    );
    expect(codeOf(() => changeAllowance(concerned, crowded, edit('core/auth', 'gpus', true)))).toBe(
      'document/invalid',
    );
  });

  it('is taken back from anything, and what changes nothing says nothing', () => {
    const before = configOf({ gone: { capabilities: { away: { allow: ['ipc', 'pid'] } } } });

    const taken = changeAllowance(concerned, before, edit('gone/away', 'ipc', false));

    expect(taken.config.suites.gone?.capabilities.away?.allow).toEqual(['pid']);
    expect(taken.changes).toEqual(['- gone/away may reach ipc']);
    for (const same of [edit('gone/away', 'gpus', false), edit('core/auth', 'gpus', false)]) {
      expect(changeAllowance(concerned, before, same)).toEqual({ config: before, changes: [] });
    }
    const again = changeAllowance(concerned, taken.config, edit('gone/away', 'ipc', false));
    expect(again.changes).toEqual([]);
  });

  it('is listed by component, in the order in which it was allowed', () => {
    const config = configOf({
      zoo: { capabilities: { ape: { allow: ['pid'] } } },
      core: { capabilities: { web: {}, auth: { allow: ['ipc', '/srv/a'] } } },
    });

    expect(allowancesOf(config)).toEqual([
      { component: 'core/auth', reach: 'ipc' },
      { component: 'core/auth', reach: '/srv/a' },
      { component: 'zoo/ape', reach: 'pid' },
    ]);
  });
});
