// A server's half of the two ledgers, as an agent sees it: it signs receipts, and may have its log rewritten, cut or restored.
import type { Witness } from '../../agent/engine/agent/witness.ts';
import { createReceiptSigner } from '../../server/repository/receipt-signer.ts';
import { type EpochMs, formatInstantMs } from '../../shared/encoding/instant.ts';
import type { LedgerClaim, Receipt } from '../../shared/protocol/receipt.ts';
import type { DsseEnvelope } from '../../shared/trust/dsse.ts';
import type { Key } from '../../shared/trust/key.ts';
import type { Root } from '../../shared/trust/metadata.ts';
import { digestOfText, testKey } from './publications.ts';

/** For tests that are about something else. */
export const NO_WITNESS: Witness = {
  claim: async () => null,
  take: async () => undefined,
  noteRestored: async () => undefined,
  forks: async () => [],
};

/** One that names the key of the timestamp, which is all that receipts need of it. */
export function rootOf(...names: readonly string[]): Root {
  const keys = names.map(testKey);
  const role = { keyids: keys.map(({ keyid }) => keyid), threshold: 1 };
  return {
    ...{ version: 1, expires: 0, consistentSnapshot: true },
    keys: new Map<string, Key>(keys.map(({ keyid, key }) => [keyid, { ...key, public: key.keyval.public }])),
    roles: { root: role, targets: role, snapshot: role, timestamp: role },
  } as unknown as Root;
}

export function createSigningServer(instance: string, keyName = 'timestamp') {
  const server = {
    /** Digests of its entries. */
    log: Array.from({ length: 10 }, (_, i) => digestOfText(`entry ${i + 1}`)),
    restored: undefined as Receipt['restored'],
    sign: createReceiptSigner(testKey(keyName)),
    append: (text: string) => void server.log.push(digestOfText(text)),
    receiptFor: (claim: LedgerClaim, at: EpochMs, instead: Partial<Receipt> = {}): Promise<DsseEnvelope> => {
      const { log, restored } = server;
      const { seen, count, digest } = claim;
      return server.sign(
        instance,
        {
          agent: { count, digest },
          server: { count: log.length, digest: log.at(-1) ?? digestOfText('') },
          seen: seen === null ? null : { count: seen.count, digest: log[seen.count - 1] ?? null },
          ...(restored === undefined ? {} : { restored }),
          ...instead,
        },
        at,
      );
    },
    restoreTo: (count: number, at: EpochMs) => {
      server.log.splice(count);
      server.restored = [...(server.restored ?? []), { at: formatInstantMs(at), count }];
      server.append('backup.restored');
    },
  };
  return server;
}
