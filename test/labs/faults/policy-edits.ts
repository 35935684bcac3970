// Changes of the local policy as the admin socket makes them: audited first, then written.
import { createSettings } from '../../../agent/adapters/state/settings.ts';
import type { Policy } from '../../../shared/schema/policy.ts';
import type { Acknowledged } from './acknowledged.ts';
import { askAgent, isAudited, writePolicy } from './agent-of.ts';
import type { Instance, Scenario } from './laboratory.ts';
import { ONE } from './releases.ts';
import { USUAL } from './scenario.ts';

const UNTIL = '2027-01-01T00:00:00Z';

/** In this order. */
const EDITS = [
  {
    what: 'channel',
    edit: { kind: 'channel', channel: 'frozen' },
    isMade: ({ channel }: Policy) => channel === 'frozen',
  },
  {
    what: 'hold',
    edit: { kind: 'hold', until: UNTIL, emergency: false },
    isMade: ({ hold }: Policy) => hold !== undefined,
  },
] as const;

export const POLICY: Scenario = {
  ...USUAL,
  name: 'policy',
  history: [ONE],
  before: writePolicy,
  async act(instance, acknowledge) {
    for (const { edit, what } of EDITS) {
      await askAgent(instance, 'PUT', '/v1/policy', { edit, reason: 'the holidays' });
      acknowledge({ kind: 'done', what });
    }
  },
  broken: problemsOf,
};

async function problemsOf(instance: Instance, acknowledged: readonly Acknowledged[]) {
  const { stateDir } = instance;
  const found = await createSettings(stateDir, `${stateDir}/instance.json`).policy();
  if (found.kind === 'unreadable') return [found.problem];
  const lost = EDITS.filter(({ what, isMade }) => {
    const isTold = acknowledged.some((fact) => fact.kind === 'done' && fact.what === what);
    return isTold && !isMade(found.policy);
  });
  const isEdited = EDITS.some(({ isMade }) => isMade(found.policy));
  const isTraced = !isEdited || (await isAudited(instance, 'policy-changed'));
  return [
    ...lost.map(({ what }) => `acknowledged ${what}, and it is lost`),
    ...(isTraced ? [] : ['changed, and no record says why']),
  ];
}
