// How long an answer may take is bounded by counting, whatever pins and releases ask for: the agent answers others meanwhile.
import { expect, it } from 'vitest';
import * as compiling from '../../../shared/compile/compile.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import { compile, compileEmergency } from '../../support/finished.ts';
import { chained, largeInput } from '../../support/large-catalog.ts';
import { compileInputOf } from '../../support/scenario.ts';

const CAPABILITIES = 40;
const VERSIONS = 25;

/** Each version wants its own of the next capability; every second pin is low, the others are high. */
function inputWith(pinned: number) {
  const last = CAPABILITIES - 1;
  const pins = Array.from({ length: pinned }, (_, i) => {
    const version = i % 2 === 0 ? Math.floor(VERSIONS / 4) : VERSIONS - 1;
    return [`core/c${Math.floor((i * last) / (pinned - 1))}`, `1.${version}.0`];
  });
  const input = compileInputOf({ releases: {}, pins: Object.fromEntries(pins) });
  return { ...largeInput(CAPABILITIES, VERSIONS, chained(CAPABILITIES)), pins: input.pins };
}

function compiledWith(pinned: number) {
  const input = inputWith(pinned);
  const before = process.threadCpuUsage();
  const result = compile(input);
  const { user, system } = process.threadCpuUsage(before);
  return { result, cpuMs: (user + system) / 1000 };
}

it('says which of many pins hold others back in bounded time, and that fewer may do', () => {
  const { result, cpuMs } = compiledWith(25);

  expect(result).toMatchObject({ kind: 'compiled', heldBack: { isSmallest: false } });
  // Eighteen seconds where each attempt had a budget of its own. Ten times what it takes, for machines that do much else.
  expect(cpuMs).toBeLessThan(1_000);
});

it.each([15, 20, 25])(
  'says of %i pins what comes without those that it names, though its looks are used up',
  (pinned) => {
    const input = inputWith(pinned);
    const result = compile(input);
    const told = result.kind === 'compiled' ? result.heldBack : null;
    const lifted = compile({ ...input, pins: input.pins.filter((pin) => !told?.lift.includes(pin)) });

    const versions =
      lifted.kind === 'compiled'
        ? lifted.target.manifest.components.map((c) => [c.component, c.version] as const)
        : [];
    expect(told?.isSmallest).toBe(false);
    expect(versions).toEqual(
      expect.arrayContaining(told?.gains.map(({ component, to }) => [component, to]) ?? []),
    );
  },
);

it.each([12, 25])('has one room for all its looks, also for %i pins', (pinned) => {
  let looks = 0;
  const work = compiling.compile(inputWith(pinned));
  for (let step = work.next(); step.done !== true; step = work.next()) looks += step.value;

  // Two million where what one attempt leaves is not all that the next one has.
  expect(looks).toBeLessThan(500_000);
});

it('still finds the one of a few pins that is in the way', () => {
  const { result, cpuMs } = compiledWith(4);

  expect(result).toMatchObject({ kind: 'compiled', heldBack: { isSmallest: true, lift: { length: 1 } } });
  expect(cpuMs).toBeLessThan(1_000);
});

/** Ten components, all affected, with nineteen fixes each that ask for versions of one another which do not go together. */
function hardened() {
  const names = Array.from({ length: 10 }, (_, i) => `core/c${i}`);
  const versions = Array.from({ length: 20 }, (_, k) => k);
  const releases = names.flatMap((name, i) =>
    versions.map((k) => {
      const next = k === 19 ? '>=9' : `>=1.${(k + 1) % 20}.0`;
      return [`${name}@1.${k}.0`, { requires: k > 0 && i < 9 ? { [`core/c${i + 1}`]: next } : {} }] as const;
    }),
  );
  const order = advisory.parse({
    schema: 'fairlead/advisory@1',
    id: 'FL-2026-0001',
    title: 'a hole',
    severity: 'critical',
    cves: [],
    affected: names.map((component) => ({ component, versions: '<1.1.0' })),
    fixed: names.flatMap((component) => versions.slice(1).map((k) => ({ component, version: `1.${k}.0` }))),
    order: { deadline: '2026-03-01T00:00:00Z' },
    published: '2026-02-01T00:00:00Z',
  });
  const input = compileInputOf({
    releases: Object.fromEntries(releases),
    runs: names.map((name) => `${name}@1.0.0`),
  });
  const before = process.threadCpuUsage();
  const result = compileEmergency({ ...input, catalog: { ...input.catalog, advisories: [order] } });
  const { user, system } = process.threadCpuUsage(before);
  return { result, cpuMs: (user + system) / 1000 };
}

it('decides about ten components with nineteen fixes each, and moves what can be moved', () => {
  const { result, cpuMs } = hardened();

  expect(result.target).not.toBeNull();
  // More combinations than there are seconds since the beginning of the world: they were walked through one by one.
  expect(cpuMs).toBeLessThan(5_000);
});
