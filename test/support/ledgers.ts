// Two ledgers of some length, and what each side keeps of the other: as bytes, to be tampered with.
import { chainEntry } from '../../agent/core/audit-chain.ts';
import { createReceiptSigner } from '../../server/repository/receipt-signer.ts';
import { fromUtf8, utf8 } from '../../shared/encoding/bytes.ts';
import { canonicalize } from '../../shared/encoding/canonical.ts';
import { type Digest, digestOf } from '../../shared/encoding/digest.ts';
import { formatInstantMs } from '../../shared/encoding/instant.ts';
import { formatHead, formatKept, formatLedgerEnd } from '../../shared/protocol/ledger-files.ts';
import type { Receipt } from '../../shared/protocol/receipt.ts';
import { type AuditHead, EMPTY_AUDIT } from '../../shared/schema/audit-chain.ts';
import { NOW, testKey } from './publications.ts';

export const INSTALL = 'cbfb19ed-0f1c-4a2f-aa80-13a2930a6573';

export interface ServerEntry {
  readonly action: string;
  readonly subject: string;
  readonly at?: string;
}

/** Lines as they are exported, without the end, and the head after each. */
export function serverLog(entries: readonly ServerEntry[]) {
  let head: AuditHead = EMPTY_AUDIT;
  return entries.map(({ action, subject, at = formatInstantMs(NOW) }, i) => {
    const line = fromUtf8(
      canonicalize({
        ...{ sequence: i + 1, at, actor: 'test', action, subject },
        ...{ details: { why: subject }, previous: head.digest },
      }),
    );
    head = { ...head, count: i + 1, digest: digestOf(utf8(line)) };
    return { line, head };
  });
}

export function withEnd(log: ReturnType<typeof serverLog>): string {
  const end = formatLedgerEnd(log.at(-1)?.head ?? EMPTY_AUDIT);
  return `${[...log.map(({ line }) => line), end].join('\n')}\n`;
}

type Details = Readonly<Record<string, string | number>>;

export function installLog(texts: readonly string[], more: Details = {}) {
  let head: AuditHead = EMPTY_AUDIT;
  return texts.map((text, i) => {
    const event = {
      event: i === 0 ? ('enrolled' as const) : ('policy-changed' as const),
      actor: 'agent',
      details: i === 0 ? { instance: INSTALL, text } : { text, ...more },
    };
    const next = chainEntry(head, event, formatInstantMs(NOW + i * 60_000));
    head = next.head;
    return { line: fromUtf8(next.line), head };
  });
}

const headOf = ({ count, digest }: AuditHead) => ({ count, digest: digest as Digest });
const signReceipt = createReceiptSigner(testKey('timestamp'));

/** As they grow together: every so many entries the install reports. */
export async function twoLedgers(
  installEntries: number,
  serverEntries: number,
  reports: number,
  what = 'token',
) {
  const install = installLog(Array.from({ length: installEntries }, (_, i) => `act ${i + 1}`));
  const server = serverLog(
    Array.from({ length: serverEntries }, (_, i) => ({
      action: 'token.created',
      subject: `${what} ${i + 1}`,
    })),
  );
  const receipts: string[] = [];
  const heads: string[] = [];
  let seen: Receipt['seen'] = null;
  for (let nth = 1; nth <= reports; nth++) {
    const at = NOW + nth * 86_400_000;
    const agent = headOf(install[Math.ceil((installEntries * nth) / reports) - 1]?.head ?? EMPTY_AUDIT);
    const shown = headOf(server[Math.ceil((serverEntries * nth) / reports) - 1]?.head ?? EMPTY_AUDIT);
    receipts.push(JSON.stringify(await signReceipt(INSTALL, { agent, server: shown, seen }, at)));
    heads.push(formatHead({ instance: INSTALL, ...agent, at: formatInstantMs(at) }));
    seen = shown;
  }
  return {
    install: `${install.map(({ line }) => line).join('\n')}\n`,
    server: withEnd(server),
    receipts: formatKept(receipts),
    heads: formatKept(heads),
  };
}
