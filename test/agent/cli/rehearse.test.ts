// fairlead rollback --rehearse on a terminal: what it prints, and how it exits.
import { describe, expect, it } from 'vitest';
import { rehearse } from '../../../agent/cli/commands/rehearse.ts';
import type { CliContext } from '../../../agent/cli/context.ts';
import { createStyle } from '../../../shared/present/table.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';

const STEP = {
  action: 'update',
  component: 'core/auth',
  from: '1.1.0',
  to: '1.0.0',
  bytes: 0,
  reversible: 'snapshot',
};

/** A terminal before an agent that answers with these checks. */
function atTerminal(checks: readonly object[], interruptionMs: number | null = 3_000) {
  const printed: string[] = [];
  const asked: unknown[] = [];
  const at = '2026-03-01T10:00:00Z';
  const answer = { schema: 'fairlead/rehearsal@1', at, generation: 1, steps: [STEP], checks, interruptionMs };
  const context: Pick<CliContext, 'json' | 'style' | 'client' | 'print'> = {
    json: false,
    style: createStyle(false),
    client: {
      async call(method, path, reply, body) {
        asked.push({ method, path, body });
        return parseDocument(reply, { ...answer, restores: ['core/auth'] }, 'answer');
      },
    },
    print: (text) => void printed.push(...text.split('\n')),
  };
  return { context: context as CliContext, printed, asked };
}

describe('a rehearsal', () => {
  it('says first whether the rollback is ready, then what was tried and what it costs', async () => {
    const { context, printed, asked } = atTerminal([{ check: 'the disk has room', problem: null }]);

    expect(await rehearse(context, 'core/auth@1.0.0')).toBe(0);

    expect(asked).toEqual([
      { method: 'POST', path: '/v1/rollback/rehearsal', body: { to: 'core/auth@1.0.0' } },
    ]);
    expect(printed[0]).toBe('a rollback to generation 1 is ready');
    expect(printed).toContain('  core/auth 1.1.0 → 1.0.0');
    expect(printed).toContain('  yes  the disk has room');
    expect(printed.join()).toMatch(/3\.0s.*core\/auth goes back to its snapshot/);
  });

  it('exits with 4 and names every problem when it is not', async () => {
    const { context, printed } = atTerminal(
      [
        { check: 'the disk has room', problem: 'it is\u001b[2J full' },
        { check: 'the files are whole', problem: 'one is missing' },
      ],
      null,
    );

    expect(await rehearse(context, undefined)).toBe(4);

    expect(printed[0]).toBe('a rollback to generation 1 would fail');
    expect(printed.filter((line) => line.startsWith('  no'))).toHaveLength(2);
    expect(printed.join()).not.toContain('\u001b');
    expect(printed.join()).toContain('time: unknown');
  });
});
