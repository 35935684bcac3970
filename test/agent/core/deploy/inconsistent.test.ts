// When an instance waits for a person, and what ends that.
import { describe, expect, it } from 'vitest';
import { selectInconsistent } from '../../../../agent/core/deploy/records.ts';
import type { DeploymentState } from '../../../../shared/schema/deployment.ts';
import { recordOf } from '../../../support/deployments.ts';

describe('an instance waits for a person', () => {
  it.each<[string, readonly DeploymentState[], number | null]>([
    ['not where nothing was deployed', [], null],
    ['after an inconsistent end', ['committed', 'inconsistent'], 2],
    ['also after attempts that changed nothing', ['inconsistent', 'abandoned', 'rolled-back'], 1],
    ['also while the way out is under way', ['inconsistent', 'starting'], 1],
    ['no longer once something was committed', ['inconsistent', 'committed', 'rolled-back'], null],
    ['again when it happens again', ['inconsistent', 'committed', 'inconsistent'], 3],
  ])('%s', (_, states, change) => {
    const records = states.map((state, index) => recordOf(index + 1, ['planned', state]));

    expect(selectInconsistent(records)?.id ?? null).toBe(change);
  });
});
