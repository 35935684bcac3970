// From where patches lead to a release: the last versions before it, and what is seen to run, each once.
import { expect, it } from 'vitest';
import {
  type ListedRelease,
  newestOfEach,
  selectStarts,
} from '../../../../server/vendor/core/patch-starts.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { parseVersion, type Version } from '../../../../shared/version/version.ts';

function listed(text: string): ListedRelease {
  const [component = '', version = ''] = text.split('@');
  const path = `capabilities/${component}/${version}.json`;
  return { component, version: parseVersion(version), path, digest: digestOf(Buffer.from(text)) };
}

const KNOWN = [
  'core/auth@1.0.0',
  'core/auth@1.2.0',
  'core/auth@1.10.0',
  'core/auth@1.1.0',
  'core/auth@2.0.0',
  'core/api@1.9.0',
].map(listed);

it.each<[string, string, number, Record<string, number>, readonly string[]]>([
  ['the last ones, by version', '1.11.0', 2, {}, ['1.10.0', '1.2.0']],
  ['those below a fix of an old line', '1.1.1', 3, {}, ['1.1.0', '1.0.0']],
  [
    'what installs run as well, the most first',
    '1.11.0',
    1,
    { '1.0.0': 3, '2.0.0': 9 },
    ['1.10.0', '2.0.0', '1.0.0'],
  ],
  ['each once', '1.11.0', 1, { '1.10.0': 3 }, ['1.10.0']],
  ['never the release itself', '1.10.0', 1, { '1.10.0': 3 }, ['1.2.0']],
  ['none of a first release', '0.1.0', 3, {}, []],
])('chooses %s', (_what, version, most, running, expected) => {
  const to = { component: 'core/auth', version: parseVersion(version) };

  const chosen = selectStarts(to, KNOWN, (one: Version) => running[one] ?? 0, most);

  expect(chosen.map((one) => one.version)).toEqual(expected);
  expect(chosen.every(({ component }) => component === 'core/auth')).toBe(true);
});

it('knows the newest of each component', () => {
  expect(newestOfEach(KNOWN).map(({ component, version }) => `${component}@${version}`)).toEqual([
    'core/auth@2.0.0',
    'core/api@1.9.0',
  ]);
});

it('looks at no more of what runs than are worth it', () => {
  const many = Array.from({ length: 40 }, (_, n) => listed(`core/auth@1.${n}.0`));
  const to = { component: 'core/auth', version: parseVersion('2.0.0') };

  expect(selectStarts(to, many, () => 1, 3)).toHaveLength(8);
});
