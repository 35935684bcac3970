// Exposure: what is named first, and what no longer counts.
import { describe, expect, it } from 'vitest';
import { openCritical } from '../../../shared/compile/exposure.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import type { DeploymentManifest } from '../../../shared/schema/deployment.ts';
import { selectExposures } from '../../support/finished.ts';

const RUNNING = {
  components: [
    { component: 'core/api', version: '2.0.0' },
    { component: 'core/auth', version: '1.0.0' },
  ],
} as unknown as DeploymentManifest;

function advisory(id: string, severity: Advisory['severity'], component = 'core/auth', withdrawn = false) {
  return {
    id,
    severity,
    withdrawn,
    affected: [{ component, versions: '<1.0.1 || 2.0.0' }],
  } as unknown as Advisory;
}

describe('exposures', () => {
  it('come most urgent first, and by number where they are equally urgent', () => {
    const found = selectExposures(RUNNING, [
      advisory('FL-1', 'low'),
      advisory('FL-4', 'critical'),
      advisory('FL-2', 'medium'),
      advisory('FL-3', 'critical'),
      advisory('FL-5', 'high'),
    ]);

    expect(found.map((one) => one.advisory)).toEqual(['FL-3', 'FL-4', 'FL-5', 'FL-2', 'FL-1']);
  });

  it('name the component that runs what is affected, and no other', () => {
    const found = selectExposures(RUNNING, [
      advisory('FL-1', 'high', 'core/api'),
      advisory('FL-2', 'high', 'core/web'),
    ]);

    expect(found).toEqual([{ advisory: 'FL-1', severity: 'high', component: 'core/api', version: '2.0.0' }]);
  });

  it('end when the advisory is withdrawn, also as what forces a patch', () => {
    const withdrawn = advisory('FL-1', 'critical', 'core/auth', true);

    expect(selectExposures(RUNNING, [withdrawn])).toEqual([]);
    expect(
      openCritical([withdrawn, advisory('FL-2', 'high'), advisory('FL-3', 'critical')]).map(({ id }) => id),
    ).toEqual(['FL-3']);
  });
});
