// Classes as they are typed: what no install could ever say of itself is refused, with what it would have to be.
import { describe, expect, it } from 'vitest';
import { parseClass, parseClasses } from '../../../../server/vendor/core/class-text.ts';
import { dataOf, refusalOf } from '../../../support/error-code.ts';

describe('a class', () => {
  it('is facts, each with the values that will do; several are parted by a semicolon', () => {
    expect(parseClass('region=eu os=debian:12|ubuntu')).toEqual({
      ...{ region: ['eu'], os: ['debian:12', 'ubuntu'] },
    });
    expect(parseClasses('arch=arm64;database=postgresql:16.3', '--class')).toEqual([
      { arch: ['arm64'] },
      { database: ['postgresql:16.3'] },
    ]);
  });

  it.each([
    ['a fact twice', 'os=debian os=ubuntu', /each once/],
    ['a driver that no agent has', 'driver=podman', /process/],
    ['an arch as Debian names it', 'arch=amd64', /x64.*arm64/],
    ['an arch with more than its name', 'arch=x64:3', /x64.*arm64/],
    ['an os with more of its version than an install says', 'os=debian|ubuntu:24.04', /ubuntu:24 /],
  ])('is refused with %s', (_what, text, form) => {
    const refusal = refusalOf(() => parseClass(text));

    expect(dataOf(refusal, 'vendor/option-invalid').form).toMatch(form);
  });
});
