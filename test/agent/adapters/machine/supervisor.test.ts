// The supervisor's contract is frozen: the unit says what the page of version 1 says, byte for byte.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { renderAgentUnit } from '../../../../agent/adapters/machine/agent-unit.ts';
import { SUPERVISOR_VERSION } from '../../../../agent/adapters/machine/own-process.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';

const PAGE = readFileSync(new URL('../../../../docs/reference/supervisor.md', import.meta.url), 'utf8');
/** Whoever changes these lines makes another version: agents in the field find what they were written for. */
const FROZEN = { '1': 'sha256:7444bf27b1b05742fe64a416a0da42d5f3ecadca823b0db5e535ccd382c5056b' };
const SETTINGS = [
  'Type',
  'Environment',
  'ExecStartPre',
  'ExecStart',
  'Restart',
  'RestartSec',
  'TimeoutStartSec',
];

function contractIn(unit: string): string {
  const lines = unit.split('\n').filter((line) => SETTINGS.includes(line.split('=')[0] ?? ''));
  return lines.filter((line) => !line.includes('MALLOC_ARENA_MAX')).join('\n');
}

const options = { program: ['/usr/bin/fairlead'], stateDir: '/var/lib/fairlead', drivers: null };

it('the unit keeps the contract that is written down, and that was written down before', () => {
  const written = /```ini\n(.*?)\n```/s.exec(PAGE)?.[1] ?? '';
  const contract = contractIn(renderAgentUnit({ ...options, slots: true }));

  expect(contract).toBe(written);
  expect({ [SUPERVISOR_VERSION]: digestOf(Buffer.from(contract)) }).toEqual(FROZEN);
});

it('a unit without slots promises nothing of it', () => {
  const unit = renderAgentUnit(options);

  expect(unit).not.toContain('FAIRLEAD_SUPERVISOR');
  expect(unit).not.toContain('ExecStartPre');
});
