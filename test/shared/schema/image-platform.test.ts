// For which machines an image is: said in many ways, decided in one.
import { describe, expect, it } from 'vitest';
import {
  findMisfit,
  platform,
  platformOf,
  runsOn,
  selectFor,
} from '../../../shared/schema/image-platform.ts';

const said = (text: string) => {
  const [os, architecture, variant] = text.split('/');
  return { platform: { os, architecture, variant } };
};

describe('a platform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armv6l', 'linux/arm/v6'],
    ['linux/s390x', 'linux/s390x'],
  ])('said as %s is %s', (text, expected) => {
    expect(platformOf(said(text).platform)).toBe(expected);
    expect(platform.parse(expected)).toBe(expected);
  });

  it.each([{}, { os: 'linux' }, { architecture: 'amd64' }, { os: '', architecture: 'amd64' }])(
    'that %o does not say is none, and nothing is held against it',
    (half) => {
      expect(platformOf(half)).toBeNull();
      expect(findMisfit(half, ['linux/amd64'])).toBeNull();
    },
  );

  it('of rubbish is one line that fits no machine', () => {
    const rubbish = { os: 'linux\u001b[2K\n', architecture: `${'x'.repeat(5000)}/../..` };

    expect(platformOf(rubbish)).toMatch(/^[^\p{Cc}]{1,100}$/u);
    expect(findMisfit(rubbish, ['linux/amd64', 'linux/arm64'])).toContain('and not for linux/amd64 or linux');
  });
});

describe('an image', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/arm64', 'linux/amd64', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/386', 'linux/amd64', true],
    ['linux/amd64', 'linux/386', false],
    ['linux/arm/v7', 'linux/arm64', true],
    ['linux/arm64', 'linux/arm/v7', false],
    ['linux/arm/v6', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    // Docker's own say no variant where they are of the seventh.
    ['linux/arm', 'linux/arm/v6', false],
    ['linux/amd64/v3', 'linux/amd64', true],
    ['linux/amd64/v3', 'linux/amd64/v2', false],
    ['linux/amd64', 'linux/amd64/v2', true],
  ])('for %s, on %s: %s', (image, machine, runs) => {
    expect(runsOn(image, machine)).toBe(runs);
  });

  it.each<[string, string[], string[], string | null]>([
    ['its own', ['linux/arm64', 'linux/amd64'], ['linux/amd64'], 'linux/amd64'],
    ['none', ['linux/arm64', 'unknown/unknown'], ['linux/amd64'], null],
    ['the best of its kind', ['linux/arm/v5', 'linux/arm/v6'], ['linux/arm/v7'], 'linux/arm/v6'],
    ['its own before an older one', ['linux/arm/v7', 'linux/arm64/v8'], ['linux/arm64'], 'linux/arm64/v8'],
    ['an older one before none', ['linux/386', 'linux/arm64'], ['linux/amd64'], 'linux/386'],
    ['what most run', ['linux/amd64/v3', 'linux/amd64/v2'], ['linux/amd64'], 'linux/amd64/v2'],
    [
      'an older one before another that is emulated',
      ['linux/arm64', 'linux/386'],
      ['linux/amd64', 'linux/arm64'],
      'linux/386',
    ],
    ['what is emulated before none', ['linux/arm64'], ['linux/amd64', 'linux/arm64'], 'linux/arm64'],
  ])('is chosen for a machine: %s', (_, offered, machines, expected) => {
    const all = offered.map((text) => ({ text, ...said(text) }));

    expect(selectFor(all, machines)?.text ?? null).toBe(expected);
    expect(selectFor(all.toReversed(), machines)?.text ?? null).toBe(expected);
  });
});
