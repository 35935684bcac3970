// Bytes and text: strict UTF-8, hexadecimal, base64 and base64url.

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Throws TypeError on bytes that are not UTF-8; keeps a byte order mark, so strict JSON refuses it. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The bytes of an even number of lower-case hexadecimal digits, or null for any other text. */
export function fromHex(text: string): Uint8Array | null {
  return /^(?:[0-9a-f]{2})*$/.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : null;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function toBase64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/** The bytes of unpadded base64url text, or null for text that no encoder writes. */
export function fromBase64url(text: string): Uint8Array | null {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64url'));
  return toBase64url(bytes) === text ? bytes : null;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

const LARGE_BYTES = 2 ** 20;

/** Gives the memory back now instead of at a collection. Small buffers may share theirs with others, and stay. */
export function freeLarge({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE_BYTES) buffer.transfer(0);
}
