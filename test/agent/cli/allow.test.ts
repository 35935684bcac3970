// What containers may reach, from the command line: shown before it is asked about, on the record, and back as it came.
import { describe, expect, it } from 'vitest';
import { allow, disallow, listAllowed } from '../../../agent/cli/commands/allow.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { atTerminal } from '../../support/terminal.ts';

const WHY = { reason: 'our films' };

describe('a part of the machine', () => {
  it('is allowed after it was shown and somebody said yes, and listed then', async () => {
    const terminal = await atTerminal('auto', { interactive: true, answer: true });

    expect(await allow(terminal.context, 'core/auth', '/srv/media', WHY)).toBe(0);

    expect(terminal.asked).toEqual(['Change it so, from the next deployment on?']);
    expect(terminal.lines()).toEqual(Array(2).fill('+ core/auth may reach /srv/media'));
    const { audit } = terminal.world;
    expect(audit.at(-1)).toMatchObject({
      event: 'policy-changed',
      details: { component: 'core/auth', key: '/srv/media', reason: 'our films' },
    });
    terminal.printed.length = 0;
    await listAllowed(terminal.context);
    expect(terminal.lines()).toEqual(['COMPONENT  MAY REACH', 'core/auth  /srv/media']);
  });

  it('stays as it is where somebody says no, or where nothing would change', async () => {
    const terminal = await atTerminal('auto', { interactive: true, answer: false });

    expect(await allow(terminal.context, 'core/auth', 'gpus', WHY)).toBe(4);
    expect(await disallow(terminal.context, 'core/auth', 'gpus', WHY)).toBe(0);

    expect(terminal.asked).toHaveLength(1);
    expect(terminal.lines().at(-1)).toBe('This changes nothing.');
    terminal.printed.length = 0;
    await listAllowed(terminal.context);
    expect(terminal.lines()).toEqual(['Containers are kept from the machine.']);
  });

  it('is taken back by a script without a question', async () => {
    const terminal = await atTerminal('auto');
    await allow(terminal.context, 'core/auth', 'gpus', WHY);

    expect(await disallow(terminal.context, 'core/auth', 'gpus', WHY)).toBe(0);

    expect(terminal.lines().at(-1)).toBe('- core/auth may reach gpus');
    expect(terminal.asked).toEqual([]);
  });

  it('of a component that nobody knows is refused', async () => {
    const { context } = await atTerminal('auto');

    expect(await rejectionOf(allow(context, 'core/aut', 'gpus', WHY))).toMatchObject({
      code: 'agent/refused',
      data: { code: 'setting/no-component' },
    });
  });
});
