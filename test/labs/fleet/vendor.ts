// What the simulated vendor signs: releases, rollouts, advisories and halts, each through the product's own schema.

import type { HaltOrder } from '../../../server/repository/halting.ts';
import { parseWaves } from '../../../server/vendor/core/waves.ts';
import type { OrderedAdvisory, ScopedHalt } from '../../../shared/compile/releases.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { type EpochMs, formatInstant } from '../../../shared/encoding/instant.ts';
import { advisory } from '../../../shared/schema/advisory.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { orderTerms } from '../../../shared/schema/order-terms.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import {
  type CapabilityRelease,
  storedCapabilityRelease,
  type Verified,
} from '../../../shared/schema/release.ts';
import { halt, type Rollout, rollout } from '../../../shared/schema/rollout.ts';
import { healthUrlOf } from './machine.ts';

export type SimulatedRelease = Verified<CapabilityRelease>;

/** The waves that the vendor's guide recommends. */
export const WAVES = '1%,10%@PT1H,100%@PT24H';
/** Those of an order for a fleet of more than a hundred installs, unless its hole is exploited already. */
export const ORDER_WAVES = '1%,100%@PT30M';

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

function componentOf({ document }: SimulatedRelease): ComponentKey {
  return `${document.suite}/${document.name}` as ComponentKey;
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

type SignedHalt = Pick<HaltOrder, 'digest' | 'reason' | 'issued' | 'expires' | 'classes'>;

/** As whoever has a halts key signs it. */
export function haltOf({ digest, reason, issued, expires, classes }: SignedHalt): ScopedHalt {
  const document = { schema: 'fairlead/halt@1', digest, reason, issued, expires };
  return { ...parseDocument(halt, document, 'halt'), ...(classes === null ? {} : { classes }) };
}

export interface Ordered {
  readonly published: EpochMs;
  readonly deadline: EpochMs;
  /** As typed; everybody at once where it is absent. */
  readonly waves: string;
  readonly seed: string;
}

/** Forces everything of this component below the fix to it. */
export function orderOf(
  fix: SimulatedRelease,
  { published, deadline, waves, seed }: Ordered,
): OrderedAdvisory {
  const component = componentOf(fix);
  const id = 'FL-2026-0001';
  const start = formatInstant(published);
  const said = parseDocument(
    advisory,
    {
      schema: 'fairlead/advisory@1',
      ...{ id, title: 'a simulated hole', severity: 'critical', cves: [] },
      affected: [{ component, versions: `<${fix.document.version}` }],
      fixed: [{ component, version: fix.document.version }],
      order: { notice: 'PT0S', deadline: formatInstant(deadline) },
      published: start,
    },
    'advisory',
  );
  const terms = parseDocument(
    orderTerms,
    { schema: 'fairlead/order-terms@1', advisory: id, seed, start, waves: parseWaves(waves) },
    'order-terms',
  );
  return { ...said, terms };
}
