// A change of the local policy as the admin socket makes it: audited first, then written.
import { createAuditFile } from '../../agent/adapters/audit-file.ts';
import { createPolicy, createSettings } from '../../agent/adapters/settings.ts';
import { settleState } from '../../agent/adapters/settle-state.ts';
import { DEFAULT_POLICY } from '../../shared/schema/policy.ts';
import { createIdleClock } from '../../test/support/idle-clock.ts';
import type { Place } from './instance.ts';
import { messageOf } from './judge.ts';
import type { Operation } from './operations.ts';
import { describeState, leftovers } from './state-files.ts';

const EVENT = { event: 'policy-changed', actor: 'ada', details: { channel: 'frozen' } } as const;

export const POLICY_OPERATION: Operation = {
  name: 'policy',
  prepare: ({ stateDir }) => createPolicy(stateDir),
  async perform(place, acknowledge) {
    await freeze(place);
    acknowledge({ kind: 'channel', channel: 'frozen' });
  },
  // Nobody takes an operator's word up again but the operator.
  recover: async () => {},
  async judge(place, acknowledged) {
    await settleState(place.stateDir);
    const { audit, settings } = partsOf(place);
    const entries = await audit.entries().catch(messageOf);
    const found = await settings.policy();
    const channel = found.kind === 'readable' ? found.policy.channel : 'unreadable';
    const problems: string[] = [];
    if (typeof entries === 'string') problems.push(`audit: ${entries}`);
    else if (channel === 'frozen' && entries.length === 0) problems.push('frozen, and no record says why');
    if (channel === 'unreadable') problems.push('the policy cannot be read');
    if (acknowledged.length > 0 && channel !== 'frozen')
      problems.push(`acknowledged frozen, found ${channel}`);
    await freeze(place);
    const before = await describeState(place.stateDir);
    await settings.policy();
    if ((await describeState(place.stateDir)) !== before) problems.push('reading changes the disk');
    return { end: channel, failure: null, problems: [...problems, ...(await leftovers(place.stateDir))] };
  },
};

async function freeze(place: Place): Promise<void> {
  const { audit, settings } = partsOf(place);
  await audit.append(EVENT);
  await settings.edit((known) => ({ ...(known ?? DEFAULT_POLICY), channel: 'frozen' }));
}

function partsOf({ stateDir }: Place) {
  return {
    audit: createAuditFile(stateDir, createIdleClock()),
    settings: createSettings(stateDir, `${stateDir}/instance.json`),
  };
}
