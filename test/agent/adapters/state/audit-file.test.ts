// The audit log on disk: whole, in order, and unable to lose or change a line unnoticed.
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAuditFile } from '../../../../agent/adapters/state/audit-file.ts';
import type { AuditEvent } from '../../../../agent/core/audit-chain.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const event = (reason: string): AuditEvent => ({
  event: 'policy-changed',
  actor: 'alice',
  details: { channel: 'frozen', reason },
});

async function writtenLog() {
  const stateDir = temporaryDirectory();
  const audit = createAuditFile(stateDir, createFakeClock());
  for (const reason of ['one', 'two', 'three']) await audit.append(event(reason));
  const log = join(stateDir, 'audit', 'log.jsonl');
  const reopen = () => createAuditFile(stateDir, createFakeClock());
  const rewrite = (change: (lines: string[]) => string[]) => {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    writeFileSync(
      log,
      change(lines)
        .map((line) => `${line}\n`)
        .join(''),
    );
  };
  return { stateDir, log, reopen, rewrite };
}

const reasons = (entries: readonly { readonly details: Record<string, unknown> }[]) =>
  entries.map((entry) => entry.details.reason);

describe('the audit log', () => {
  it('is continued by the next process', async () => {
    const { reopen } = await writtenLog();

    await reopen().append(event('four'));

    const entries = await reopen().entries();
    expect(reasons(entries)).toEqual(['one', 'two', 'three', 'four']);
    expect(entries.map((entry) => entry.sequence)).toEqual([1, 2, 3, 4]);
  });

  it('keeps the order of events that come at once', async () => {
    const audit = createAuditFile(temporaryDirectory(), createFakeClock());
    const many = Array.from({ length: 20 }, (_, index) => String(index));

    await Promise.all(many.map((reason) => audit.append(event(reason))));

    expect(reasons(await audit.entries())).toEqual(many);
  });

  it('takes no entry more once somebody has cut it behind the back of who writes it', async () => {
    const stateDir = temporaryDirectory();
    const audit = createAuditFile(stateDir, createFakeClock());
    for (const reason of ['one', 'two']) await audit.append(event(reason));
    const log = join(stateDir, 'audit', 'log.jsonl');
    const whole = readFileSync(log);
    writeFileSync(log, whole.subarray(0, whole.indexOf('\n') + 1));

    expect((await rejectionOf(audit.verify())).code).toBe('audit/damaged');
    expect((await rejectionOf(audit.append(event('three')))).code).toBe('audit/damaged');

    writeFileSync(log, whole);
    await audit.append(event('three'));
    expect(reasons(await audit.entries())).toEqual(['one', 'two', 'three']);
  });

  it('goes on after what another process has written to it', async () => {
    const { reopen } = await writtenLog();
    const [one, other] = [reopen(), reopen()];
    await one.append(event('four'));

    await other.append(event('five'));
    await one.append(event('six'));

    expect(reasons(await reopen().entries()).slice(3)).toEqual(['four', 'five', 'six']);
  });

  it('drops a line that a crash tore in half, which nobody was told about', async () => {
    const { log, reopen } = await writtenLog();
    appendFileSync(log, '{"schema":"fairlead/aud');

    await reopen().append(event('four'));

    expect(reasons(await reopen().entries())).toEqual(['one', 'two', 'three', 'four']);
  });

  it('accepts a log that is one line ahead of its checkpoint, as a crash between the two leaves it', async () => {
    const { stateDir, reopen } = await writtenLog();
    const checkpoint = join(stateDir, 'audit', 'checkpoint.json');
    const before = readFileSync(checkpoint);
    await reopen().append(event('four'));
    writeFileSync(checkpoint, before);

    await reopen().append(event('five'));

    expect(reasons(await reopen().entries())).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('keeps hostile text on one harmless line', async () => {
    const audit = createAuditFile(temporaryDirectory(), createFakeClock());

    await audit.append(event('x\n{"forged":1}\u001b[2J\u202e'));

    expect(reasons(await audit.entries())).toEqual(['x {"forged":1}\ufffd[2J\ufffd']);
  });

  it.each([
    ['a changed line', (lines: string[]) => lines.map((line) => line.replace('two', 'TWO'))],
    ['a removed line', (lines: string[]) => [lines[0]!, lines[2]!]],
    ['lines in another order', (lines: string[]) => [lines[1]!, lines[0]!, lines[2]!]],
    ['a removed end', (lines: string[]) => lines.slice(0, 2)],
    ['a changed end', (lines: string[]) => lines.map((line) => line.replace('three', 'THREE'))],
    ['an inserted line', (lines: string[]) => [lines[0]!, lines[0]!, lines[1]!, lines[2]!]],
    ['a line that is no entry', (lines: string[]) => [...lines, 'hello']],
  ])('is refused with %s', async (_name, change) => {
    const { reopen, rewrite } = await writtenLog();
    rewrite(change);

    expect((await rejectionOf(reopen().entries())).code).toBe('audit/damaged');
    expect((await rejectionOf(reopen().append(event('four')))).code).toBe('audit/damaged');
  });

  it('is refused with a line that is not UTF-8', async () => {
    const { log, reopen } = await writtenLog();
    appendFileSync(log, Uint8Array.of(0xff, 0xfe, 0x0a));

    expect((await rejectionOf(reopen().append(event('four')))).code).toBe('audit/damaged');
  });

  it('is refused when it is gone and its checkpoint is not', async () => {
    const { log, reopen } = await writtenLog();
    rmSync(log);

    expect((await rejectionOf(reopen().append(event('four')))).code).toBe('audit/damaged');
  });
});
