// The calls of a component: every program it runs, each once, and the words that no system takes, to the very byte.
import { describe, expect, it } from 'vitest';
import { accountsOf, programCallsOf, unfitWord } from '../../../../agent/core/deploy/program-calls.ts';
import { type RunnableComponent, render } from '../../../../agent/core/deploy/render.ts';
import { AUTH, type Extras, releaseOf } from '../../../support/deploy-releases.ts';

function componentOf(extras: Extras = {}): RunnableComponent {
  return render({
    release: releaseOf(AUTH, '1.0.0', { health: [], smoke: [], hooks: {}, ...extras }),
    ...{ configured: {}, settings: {}, secrets: [], treeDirectory: '/tree', dataDirectory: '/data' },
  });
}
/** Filled by settings, words become what no release could write. */
function serving(exec: readonly string[], env: Readonly<Record<string, string>> = {}): RunnableComponent {
  const component = componentOf();
  return { ...component, unit: { ...component.unit, exec, env } } as RunnableComponent;
}

describe('the programs of a component', () => {
  it('are those of its service, its hooks, its tests and its probes, each once', () => {
    const hook = (program: string) => [{ exec: [program, 'word'] }];
    const component = componentOf({
      service: { driver: 'process', exec: ['serve', 'smoke'], user: 'www', env: { PATH: '/opt/bin' } },
      smoke: [...hook('smoke'), ...hook('serve')],
      hooks: { preflight: hook('before'), snapshot: hook('save'), restore: hook('restore') },
      health: [{ http: 'http://127.0.0.1/' }, { exec: ['probe'] }],
    });

    expect(programCallsOf(component)).toEqual(
      ['serve', 'smoke', 'before', 'save', 'restore', 'probe'].map((program) => ({
        ...{ program, workingDirectory: '/tree', user: 'www', path: '/opt/bin' },
      })),
    );
  });

  it('are looked for on the agent’s own PATH and run by its own account where the release names neither', () => {
    expect(programCallsOf(serving(['serve']))).toEqual([
      { program: 'serve', workingDirectory: '/tree', user: null, path: null },
    ]);
  });
});

describe('the accounts that run from the tree of a component', () => {
  const images = [{ archive: 'a.tar', digest: `sha256:${'7'.repeat(64)}` }];
  const containers = { service: { driver: 'compose', file: 'compose.yaml', images } } as const;
  const exec = { exec: ['check'] };

  it.each<[string, readonly (string | null)[], RunnableComponent]>([
    ['the service’s own', ['www'], componentOf({ service: { driver: 'process', exec: ['a'], user: 'www' } })],
    ['the agent’s where it names none', [null], serving(['serve'])],
    ['none where all of it is contained', [], componentOf(containers)],
    [
      'the agent’s where a probe runs beside the containers',
      [null],
      componentOf({ ...containers, health: [exec] }),
    ],
    ['the agent’s where a hook does', [null], componentOf({ ...containers, hooks: { restore: [exec] } })],
    ['the agent’s where a test does', [null], componentOf({ ...containers, smoke: [exec] })],
    ['the agent’s where containers may reach more', [null], withMore({ allow: ['privileged'] })],
    ['the agent’s where the operator adds to them', [null], withMore({ override: { file: '/o', text: '' } })],
  ])('are %s', (_, accounts, component) => {
    expect(accountsOf(component)).toEqual(accounts);
  });

  function withMore(more: object): RunnableComponent {
    const component = componentOf(containers);
    return { ...component, unit: { ...component.unit, ...more } } as RunnableComponent;
  }
});

describe('a call', () => {
  const LONGEST = 128 * 1024 - 1;
  const MOST = 2 * 1024 * 1024;
  /** A service whose words and variables take as many bytes as it is told, with the end and the pointer of each. */
  const taking = (bytes: number, words: number, variables: number) => {
    const each = Math.floor(bytes / (words + variables)) - 9;
    const rest = bytes - (each + 9) * (words + variables);
    const exec = Array.from({ length: words }, (_, i) => 'x'.repeat(i === 0 ? each + rest : each));
    const names = Array.from({ length: variables }, (_, i) => `V${i}`.padEnd(4, '_'));
    const env = Object.fromEntries(names.map((name) => [name, 'x'.repeat(each - name.length - 1)]));
    return serving(exec, env);
  };

  it.each<[string, RunnableComponent, string | null]>([
    ['of usual words is taken', serving(['serve', 'a']), null],
    ['with a NUL in a word', serving(['serve', 'a\0b']), 'NUL'],
    ['with a NUL in a variable', serving(['serve'], { A: 'a\0b' }), 'NUL'],
    ['of the longest word is taken', serving(['serve', 'x'.repeat(LONGEST)]), null],
    ['of a longer word', serving(['serve', 'x'.repeat(LONGEST + 1)]), 'too long'],
    [
      'of a word of fewer characters and more bytes',
      serving(['serve', 'é'.repeat(LONGEST / 2 + 1)]),
      'too long',
    ],
    ['of the longest variable is taken', serving(['serve'], { A: 'x'.repeat(LONGEST - 2) }), null],
    ['of a longer variable', serving(['serve'], { A: 'x'.repeat(LONGEST - 1) }), 'too long'],
    ['of as many bytes as there may be is taken', taking(MOST, 32, 0), null],
    ['of one byte more', taking(MOST + 1, 32, 0), 'longer than'],
    ['of as many bytes with its variables is taken', taking(MOST, 16, 8), null],
    ['of one byte more with its variables', taking(MOST + 1, 16, 8), 'longer than'],
  ])('%s', (_what, component, problem) => {
    if (problem === null) expect(unfitWord(component)).toBeNull();
    else expect(unfitWord(component)).toContain(problem);
  });

  it.each(['smoke', 'preflight', 'snapshot', 'restore'] as const)(
    'is looked at in what is run as %s',
    (kind) => {
      const component = serving(['serve']);
      const [smoke] = componentOf({ smoke: [{ exec: ['smoke'] }] }).smoke;

      expect(unfitWord({ ...component, [kind]: [{ ...smoke, exec: ['smoke', 'a\0b'] }] })).toContain('NUL');
    },
  );
});
