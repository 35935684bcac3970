// fairlead logs: what is asked for, with an agent and without one, and what came since the last look.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeEnrolment } from '../../../agent/adapters/server/enrolment-file.ts';
import { linesAfter, logs } from '../../../agent/cli/commands/logs.ts';
import { parseSince } from '../../../agent/cli/times.ts';
import { digestOfValue } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { LogsRequest } from '../../../shared/protocol/upkeep.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { temporaryDirectory } from '../../support/directories.ts';
import { rejectionOf } from '../../support/error-code.ts';
import { atTerminal } from '../../support/terminal.ts';

const AUTH = 'core/auth' as ComponentKey;

describe('following a log', () => {
  it.each([
    ['nothing came', ['a', 'b'], ['a', 'b'], []],
    ['lines came', ['a', 'b'], ['a', 'b', 'c'], ['c']],
    ['lines came and old ones went', ['a', 'b', 'c'], ['b', 'c', 'd'], ['d']],
    ['the log was cut', ['a', 'b'], ['x'], ['x']],
    ['the log began', [], ['a'], ['a']],
  ])('prints what is new when %s', (_, before, now, expected) => {
    expect(linesAfter(before, now)).toEqual(expected);
  });

  it('loses no line of a window that moves', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.nat(20), fc.integer({ min: 1, max: 30 }), (start, more, size) => {
        const all = Array.from({ length: 80 }, (_, n) => `line ${n}`);
        const [before, now] = [
          all.slice(start, start + size),
          all.slice(0, start + size + more).slice(-size),
        ];
        const expected = more >= size ? now : all.slice(start + size, start + size + more);

        expect(linesAfter(before, now)).toEqual(expected);
      }),
    );
  });
});

describe('fairlead logs', () => {
  it.each([
    ['1h', '2026-03-01T09:00:01.000Z'],
    ['PT30M', '2026-03-01T09:30:01.000Z'],
    ['09:30', '2026-03-01T09:30:00.000Z'],
    // The clock of the test stands at ten on a Sunday.
    ['10:30', '2026-02-28T10:30:00.000Z'],
    ['sat 02:00', '2026-02-28T02:00:00.000Z'],
    ['sun 11:00', '2026-02-22T11:00:00.000Z'],
    ['2026-01-31T10:00:00Z', '2026-01-31T10:00:00.000Z'],
    ['2026-02-03 04:05', '2026-02-03T04:05:00.000Z'],
  ])('asks for what came since %s, which lies behind', async (since, expected) => {
    const { context, lines } = await atTerminal('auto');

    expect(await logs(context, AUTH, { since })).toBe(0);

    expect(lines()).toEqual([`core/auth of now since ${expected}`]);
    expect(parseSince(since)).toBe(since);
  });

  it.each(['', 'yesterday', 'h', '99:00', '-1h'])('takes %j for no time', (text) => {
    expect(() => parseSince(text)).toThrow(/It must be/);
  });

  /** No agent, and an enrolled instance on the disk. */
  async function atRest(json = false) {
    const asked: LogsRequest[] = [];
    const terminal = await atTerminal('auto', { json });
    const stateDir = temporaryDirectory();
    await writeEnrolment(stateDir, {
      schema: 'fairlead/enrolment@1',
      server: 'https://vendor.example',
      instance: '0f0e0d0c-0b0a-4908-8706-050403020100',
      name: 'first-customer',
      string: digestOfValue('root'),
      root: { version: 1, digest: digestOfValue('root'), bytes: '' },
    });
    const context = {
      ...terminal.context,
      stateDir,
      client: {
        call: () =>
          Promise.reject(new FairleadError('agent/not-running', { socket: 's', start: 'start it' })),
      },
      readLogsAtRest: async (request: LogsRequest) => {
        asked.push(request);
        return ['one', 'two', 'three'];
      },
    };
    return { ...terminal, context, asked };
  }

  it('answers from the disk while no agent runs, says so first, and exits with 3', async () => {
    const { context, lines, asked } = await atRest();

    expect(await logs(context, AUTH, { since: '1h', lines: 2 })).toBe(3);

    expect(lines()[0]).toMatch(/^the agent is not running: /);
    expect(lines().slice(-2)).toEqual(['two', 'three']);
    expect(asked).toEqual([{ component: AUTH, change: undefined, since: '2026-03-01T09:00:01Z' }]);
  });

  it('prints the same document from the disk', async () => {
    const { context, json } = await atRest(true);

    await logs(context, AUTH, { lines: 0 });

    expect(json()).toEqual({ schema: 'fairlead/logs@1', component: AUTH, lines: [] });
  });

  it('says what is wrong where the disk has no answer', async () => {
    const { context } = await atRest();
    const readLogsAtRest = () => Promise.reject(new FairleadError('service/no-log', { component: AUTH }));

    expect((await rejectionOf(logs({ ...context, readLogsAtRest }, AUTH, {}))).code).toBe('service/no-log');
  });
});
