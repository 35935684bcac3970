// A log that can neither be forged nor stop its program.
import { spawnSync } from 'node:child_process';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../../shared/encoding/redact.ts';
import { createLog, createLogDestination } from '../../../shared/node/log.ts';

function lines(log: (logger: pino.Logger) => void): readonly string[] {
  const written: string[] = [];
  log(pino({}, createLogDestination({ write: (line) => written.push(line) })));
  return written;
}

const HOSTILE: readonly (readonly [string, string])[] = [
  ['an escape', 'a\u001b[2Jb'],
  ['a C1 control', 'a\u009b2Jb'],
  ['a reordering', 'a\u202eb\u2066c'],
  ['an invisible space', 'a\u200bb\ufeffc'],
  ['an invisible tag', 'a\u{e0041}b'],
  ['a carriage return', 'a\rb'],
  ['a backspace', 'a\b\fb'],
  ['half a pair', 'a\ud83db'],
  ['NUL and DEL', 'a\u0000b\u007f'],
  ['a separator of lines', 'a\u2028b'],
  ['an escape’s own spelling', 'a\\u001bb\\\\u001b'],
];

describe('the log', () => {
  it('goes to standard error, at once and by itself', () => {
    const module = new URL('../../../shared/node/log.ts', import.meta.url).href;
    const script = `const { createLogDestination } = await import(${JSON.stringify(module)});
      createLogDestination().write('{"msg":"said"}\\n');
      process.kill(process.pid, 'SIGKILL');`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });

    expect(stderr).toBe('{"msg":"said"}\n');
  });

  it('begins its lines as it is told to, and takes secrets out of them', () => {
    const written: string[] = [];
    const redact = createRedactor(['hunter2']);
    const log = createLog({ name: 'agent' }, { write: (line) => written.push(line), redact });

    log.info('hunter2');

    expect(JSON.parse(written.join(''))).toMatchObject({ name: 'agent', msg: '•••' });
  });

  it.each(HOSTILE)('carries %s nowhere, neither raw nor decoded', (_what, text) => {
    const [line = ''] = lines((log) =>
      log.error({ err: new Error(text), problem: text, deep: { [text]: [text] } }, text),
    );

    const decoded = JSON.stringify(JSON.parse(line), (_key, value: unknown) =>
      typeof value === 'string' ? value.replaceAll('\n', ' ') : value,
    );
    const texts: string[] = [];
    JSON.parse(line, (key, value: unknown) => {
      texts.push(key, typeof value === 'string' ? value : '');
      return value;
    });
    expect(
      texts
        .join('')
        .match(/(?![\n\t])[\u0000-\u001f\u007f-\u009f\u200b\u2028\u202e\u2066\ufeff\ud800-\udfff]/g),
    ).toBeNull();
    expect(line.match(/\n/g)).toHaveLength(1);
    expect(decoded).toContain('"problem"');
  });

  it('keeps what is harmless as it is: letters, emoji, backslashes, the lines of a stack', () => {
    const text = 'Zürich 👩 C:\\new\\u0041 "quoted"\nsecond';

    const [line = ''] = lines((log) => log.info({ text }, 'm'));

    expect(JSON.parse(line)).toMatchObject({ text });
  });

  it('tells no secret, wherever in a field it stands, and spoils no number that looks like one', () => {
    const written: string[] = [];
    const redact = createRedactor(['hunter2"\n', '1764']);
    const log = pino({}, createLogDestination({ write: (line) => written.push(line), redact }));

    log.warn({ err: new Error('bad: hunter2"'), list: [{ a: 'hunter2"' }], count: 1764 }, 'hunter2"');

    expect(written.join()).not.toContain('hunter2');
    expect(JSON.parse(written[0] ?? '')).toMatchObject({ count: 1764, list: [{ a: '•••' }] });
  });

  it('loses a line that cannot be written, and goes on', () => {
    const full = createLogDestination({
      write: () => {
        throw new Error('no space');
      },
    });

    expect(() => pino({}, full).info('lost')).not.toThrow();
  });
});
