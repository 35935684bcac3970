// Deployment records for tests, as the engine would leave them.
import { digestOfValue } from '../../shared/encoding/digest.ts';
import { formatInstantMs, instantMs } from '../../shared/encoding/instant.ts';
import type { ComponentKey } from '../../shared/schema/common.ts';
import type { DeploymentRecord, DeploymentState } from '../../shared/schema/deployment.ts';
import type { Version } from '../../shared/version/version.ts';

const START = instantMs('2026-03-01T10:00:00Z');

/** A record that went through `states`, one second each. */
export function recordOf(
  id: number,
  states: readonly DeploymentState[],
  overrides: Partial<DeploymentRecord> = {},
): DeploymentRecord {
  return {
    schema: 'fairlead/record@1',
    id,
    generation: id,
    previousGeneration: id === 1 ? null : id - 1,
    reason: { kind: 'channel' },
    plan: digestOfValue(`plan ${id}`),
    from: null,
    to: digestOfValue(`manifest ${id}`),
    steps: [
      {
        component: 'core/auth' as ComponentKey,
        from: null,
        to: `1.0.${id}` as Version,
        change: 'CHG-1',
      },
    ],
    state: states.at(-1) ?? 'planned',
    stages: states.map((state, index) => ({
      state,
      at: formatInstantMs(START + (id * 60 + index) * 1000),
    })),
    failure: null,
    actor: 'agent',
    ...overrides,
  };
}
