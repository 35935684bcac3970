// Compile at scale: a large catalog costs a small multiple of reading its versions.
import { describe, expect, it } from 'vitest';
import { compile } from '../../support/finished.ts';
import { barePass, chained, entwined, largeInput } from '../../support/large-catalog.ts';
import { compileInputOf } from '../../support/scenario.ts';

const CAPABILITIES = 500;
const VERSIONS = 200;

describe('compile at scale', () => {
  it('resolves 500 capabilities of 200 versions in a small multiple of a bare pass over them', () => {
    const input = largeInput(CAPABILITIES, VERSIONS, entwined);
    const bare = measure(() => barePass(input));

    const { ms, result } = measure(() => compile(input));

    expect(result.kind === 'compiled' && result.target.manifest.components.length).toBe(CAPABILITIES);
    report('free', ms, bare.ms);
    expect(ms / bare.ms).toBeLessThan(25);
  });

  it('resolves a chain of requirements that a pin at its far end pulls down', () => {
    const input = largeInput(CAPABILITIES, VERSIONS, chained(CAPABILITIES));
    const bare = measure(() => barePass(input));
    const last = `core/c${CAPABILITIES - 1}`;
    const pins = compileInputOf({ releases: {}, pins: { [last]: '1.150.0' } }).pins;

    const { ms, result } = measure(() => compile({ ...input, pins }));

    const versions =
      result.kind === 'compiled' ? result.target.manifest.components.map((c) => c.version) : [];
    expect(versions.every((version) => version === '1.150.0')).toBe(true);
    report('chain', ms, bare.ms);
    expect(ms / bare.ms).toBeLessThan(40);
  });
});

function measure<Result>(work: () => Result): { ms: number; result: Result } {
  const start = performance.now();
  const result = work();
  return { ms: performance.now() - start, result };
}

function report(name: string, ms: number, bareMs: number): void {
  console.info(
    `${name}: ${ms.toFixed(0)} ms, bare pass ${bareMs.toFixed(0)} ms, ratio ${(ms / bareMs).toFixed(1)}`,
  );
}
