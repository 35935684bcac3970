// Receipts: signed as what they are, and as nothing else.
import { expect, it } from 'vitest';
import { createReceiptSigner } from '../../../server/repository/receipt-signer.ts';
import { utf8 } from '../../../shared/encoding/bytes.ts';
import { encodeReceipt, openReceipt, RECEIPT_TYPE, type Receipt } from '../../../shared/protocol/receipt.ts';
import { dsseEnvelope, envelopeOf, preAuthEncoding } from '../../../shared/trust/dsse.ts';
import { sign } from '../../../shared/trust/ed25519.ts';
import { loadKey, signingKeyFromSeed, type VerificationKey } from '../../../shared/trust/key.ts';
import { parseEnvelope, signMetadata } from '../../../shared/trust/metadata.ts';
import { codeOf } from '../../support/error-code.ts';
import { digestOfText, NOW } from '../../support/publications.ts';

const KEY = signingKeyFromSeed(new Uint8Array(32).fill(7));
const KEYS = new Map([
  [KEY.keyid as string, loadKey({ ...KEY.key, public: KEY.key.keyval.public }) as VerificationKey],
]);
const head = (count: number) => ({ count, digest: digestOfText(`${count}`) }) as Receipt['agent'];
const SAID = { agent: head(3), server: head(40), seen: head(38) };
const signReceipt = createReceiptSigner(KEY);

it('is what DSSE says, to the byte', () => {
  // https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
  expect(Buffer.from(preAuthEncoding('http://example.com/HelloWorld', utf8('hello world'))).toString()).toBe(
    'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
  );
});

it('opens what the server signed, and nothing of which a byte is another', async () => {
  const envelope = await signReceipt('one', SAID, NOW);
  expect(openReceipt(envelope, KEYS)).toMatchObject({ instance: 'one', ...SAID });

  const text = JSON.stringify(envelope);
  const survivors: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const changed = `${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`;
    try {
      if (openReceipt(dsseEnvelope.parse(JSON.parse(changed)), KEYS) !== null) survivors.push(i);
    } catch {
      // It is no envelope any more.
    }
  }
  expect(survivors).toEqual([]);
});

it('counts for no other kind of document, nor any other for it', async () => {
  const { signatures, payload } = await signReceipt('one', SAID, NOW);
  const sig = signatures[0]?.sig ?? '';
  expect(openReceipt({ payload, payloadType: 'application/vnd.in-toto+json', signatures }, KEYS)).toBeNull();

  // A signature over the bare bytes, as TUF has it, over a document that says that it is a receipt.
  const bare = encodeReceipt({
    schema: 'fairlead/receipt@1',
    instance: 'one',
    at: '2026-11-20T12:00:00Z',
    ...SAID,
  });
  const signed = { keyid: KEY.keyid, sig: sign(KEY.secretKey, bare) };
  expect(openReceipt(envelopeOf(RECEIPT_TYPE, bare, signed), KEYS)).toBeNull();

  // What a receipt signs is no JSON at all.
  const asMetadata = preAuthEncoding(RECEIPT_TYPE, Buffer.from(payload, 'base64'));
  const file = `{"signatures":[{"keyid":"${KEY.keyid}","sig":"${Buffer.from(sig, 'base64').toString('hex')}"}],"signed":${Buffer.from(asMetadata)}}`;
  expect(codeOf(() => parseEnvelope(utf8(file), 'timestamp'))).toBe('trust/malformed');
  const honest = signMetadata({ _type: 'timestamp', version: 1 }, [KEY]);
  expect(() => parseEnvelope(honest, 'timestamp')).not.toThrow();
});
