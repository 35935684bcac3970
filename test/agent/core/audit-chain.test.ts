// The audit log's chain: a line that is changed, moved, cut or added is found, and told where.
import { describe, expect, it } from 'vitest';
import { type AuditEvent, chainEntry, lineOf, readChain } from '../../../agent/core/audit-chain.ts';
import { fromUtf8, utf8 } from '../../../shared/encoding/bytes.ts';
import { digestOf } from '../../../shared/encoding/digest.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../../shared/schema/audit-chain.ts';
import { codeOf, dataOf, refusalOf } from '../../support/error-code.ts';

const AT = '2026-03-01T10:00:00Z';

function chainOf(count: number, head: AuditHead = EMPTY_AUDIT) {
  const lines: Uint8Array[] = [];
  const heads = [head];
  for (let i = 0; i < count; i++) {
    const next = chainEntry(
      heads.at(-1) ?? head,
      { event: 'policy-changed', actor: 'ada', details: { i } },
      AT,
    );
    lines.push(next.line);
    heads.push(next.head);
  }
  return { lines, heads };
}
const { lines, heads } = chainOf(4);
const [first, second, third, fourth] = lines as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
const HEAD = heads[4] as AuditHead;
const damageOf = (read: () => unknown) => dataOf(refusalOf(read), 'audit/damaged');

describe('a chain', () => {
  it('is read whole, each line with its number, its moment and the digest of the one before', () => {
    const { entries, head } = readChain(lines, HEAD, 'audit.log');

    expect(head).toEqual({ ...EMPTY_AUDIT, count: 4, digest: digestOf(fourth) });
    expect(entries.map(({ sequence, previous, at }) => [sequence, previous, at])).toEqual([
      [1, null, AT],
      [2, digestOf(first), AT],
      [3, digestOf(second), AT],
      [4, digestOf(third), AT],
    ]);
    expect(entries.map((entry) => utf8(lineOf(entry)))).toEqual(lines);
    expect(readChain([], EMPTY_AUDIT, 'audit.log')).toEqual({ entries: [], head: EMPTY_AUDIT });
  });

  it('may be ahead of its checkpoint by what a crash left between', () => {
    expect(readChain(lines, heads[3] as AuditHead, 'audit.log').head.count).toBe(4);
    expect(readChain(lines, EMPTY_AUDIT, 'audit.log').head.count).toBe(4);
  });

  const changed = utf8(fromUtf8(second).replace('ada', 'eve'));
  const others = chainOf(4, EMPTY_AUDIT).lines.map((line) => utf8(fromUtf8(line).replace('ada', 'eve')));

  it.each<[string, readonly Uint8Array[], number]>([
    ['whose line was changed', [first, changed, third, fourth], 3],
    ['whose line is missing', [first, third, fourth], 2],
    ['whose lines changed places', [first, third, second, fourth], 2],
    ['whose line stands twice', [first, first, second, third], 2],
    ['whose first lines are gone', [third, fourth], 1],
    ['whose last lines are gone', [first, second], 3],
    ['that is gone', [], 1],
    ['with a line that is no entry', [first, utf8('{}')], 2],
    ['whose last line is another', [first, second, third, others[3] as Uint8Array], 4],
  ])('%s is damaged there', (_what, written, line) => {
    expect(damageOf(() => readChain(written, HEAD, 'audit.log'))).toMatchObject({ path: 'audit.log', line });
  });

  it('that was written anew from the first line is not the one the checkpoint knows', () => {
    const anew = chainOf(0);
    let head = EMPTY_AUDIT;
    for (let i = 0; i < 4; i++) {
      const next = chainEntry(head, { event: 'policy-changed', actor: 'eve', details: { i } }, AT);
      anew.lines.push(next.line);
      head = next.head;
    }

    expect(damageOf(() => readChain(anew.lines, HEAD, 'audit.log')).line).toBe(4);
  });
});

describe('an entry', () => {
  const lineWith = (event: Partial<AuditEvent>) =>
    JSON.parse(
      fromUtf8(chainEntry(EMPTY_AUDIT, { event: 'enrolled', actor: 'ada', details: {}, ...event }, AT).line),
    );

  it('is one line, whatever stands in it, and keeps what is no text as it is', () => {
    const details = { text: 'a\nb\u001b', number: 7, truth: false, none: null };

    expect(lineWith({ actor: 'a\nb', details })).toMatchObject({
      schema: 'fairlead/audit@1',
      event: 'enrolled',
      actor: 'a b',
      details: { text: 'a b\ufffd', number: 7, truth: false, none: null },
    });
    expect(lineWith({ details: { long: 'x'.repeat(301) } }).details.long).toHaveLength(300);
  });

  it.each<[string, Partial<AuditEvent>]>([
    ['an event that nobody knows', { event: 'guessed' as never }],
    ['nobody', { actor: '' }],
    ['a detail that is no plain value', { details: { list: [1] } as never }],
    ['a number that is not whole', { details: { ms: 0.5 } }],
  ])('with %s is not written: nothing could be read after it', (_what, event) => {
    expect(() => lineWith(event)).toThrow();
  });

  it('at no real moment is not written', () => {
    const write = () => chainEntry(EMPTY_AUDIT, { event: 'enrolled', actor: 'ada', details: {} }, 'now');
    expect(codeOf(write)).toBe('audit/damaged');
  });
});
