// What the simulated vendor signs: releases, rollouts, advisories and halts, each through the product's own schema.

import { parseWaves } from '../../../server/vendor/core/waves.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { type Advisory, advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import {
  type CapabilityRelease,
  storedCapabilityRelease,
  type Verified,
} from '../../../shared/schema/release.ts';
import { type Halt, halt, MAX_HALT_MS, type Rollout, rollout } from '../../../shared/schema/rollout.ts';
import { healthUrlOf } from './machine.ts';

export type SimulatedRelease = Verified<CapabilityRelease>;

/** The waves that the vendor's guide recommends. */
export const WAVES = '1%,10%@PT1H,100%@PT24H';

let changes = 0;

export function releaseOf(component: string, version: string): SimulatedRelease {
  const [suite, name] = component.split('/');
  const document = storedCapabilityRelease.parse({
    schema: 'fairlead/capability@1',
    ...{ suite, name, version },
    change: {
      ...{ id: `CHG-${++changes}`, revision: 'git:9f1c', scope: 'simulated' },
      builtAt: '2026-01-30T10:00:00Z',
    },
    tree: { digest: digestOf(Buffer.from(`${component}@${version}`)), files: 100, bytes: 10_000_000 },
    service: { driver: 'process', exec: ['serve'], stopTimeout: 'PT5S' },
    health: [
      { http: healthUrlOf(component), startPeriod: 'PT20S', interval: 'PT15S', successes: 2, failures: 3 },
    ],
    reversible: 'yes',
  });
  const bytes = Buffer.from(JSON.stringify(document));
  return { document, bytes, digest: digestOf(bytes) };
}

export function componentOf({ document }: SimulatedRelease): ComponentKey {
  return `${document.suite}/${document.name}` as ComponentKey;
}

/** As `core/app@1.1.0`. */
export function nameOfRelease(release: SimulatedRelease): string {
  return `${componentOf(release)}@${release.document.version}`;
}

export interface Offered {
  readonly start: EpochMs;
  readonly waves?: string;
  readonly seed: string;
}

export function rolloutOf({ document, digest }: SimulatedRelease, offered: Offered): Rollout {
  const { suite, name, version } = document;
  return parseDocument(
    rollout,
    {
      schema: 'fairlead/rollout@1',
      release: { kind: 'capability', suite, name, version },
      ...{ digest, track: 'stable', seed: offered.seed },
      start: formatInstant(offered.start),
      waves: parseWaves(offered.waves ?? '100%'),
    },
    'rollout',
  );
}

export function haltOf({ digest }: Pick<SimulatedRelease, 'digest'>, now: EpochMs, reason: string): Halt {
  return parseDocument(
    halt,
    {
      schema: 'fairlead/halt@1',
      ...{ digest, reason, issued: formatInstant(now), expires: formatInstant(now + MAX_HALT_MS) },
    },
    'halt',
  );
}

export interface Ordered {
  readonly published: EpochMs;
  readonly deadline: EpochMs;
  /** `PT0S` unless given. */
  readonly notice?: string;
}

/** Forces everything of this component below the fix to it. */
export function orderOf(fix: SimulatedRelease, { published, deadline, notice = 'PT0S' }: Ordered): Advisory {
  const component = componentOf(fix);
  return parseDocument(
    advisory,
    {
      schema: 'fairlead/advisory@1',
      ...{ id: 'FL-2026-0001', title: 'a simulated hole', severity: 'critical', cves: [] },
      affected: [{ component, versions: `<${fix.document.version}` }],
      fixed: [{ component, version: fix.document.version }],
      order: { notice, deadline: formatInstant(deadline) },
      published: formatInstant(published),
    },
    'advisory',
  );
}
