// TLS of the server: a certificate and its key from files, read again while it runs.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import cron from 'node-cron';
import { durationMs, type EpochMs, formatInstant } from '../../shared/encoding/instant.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import { readNamed } from '../../shared/node/named-file.ts';
import type { Context } from '../context.ts';
import type { TlsFiles } from '../core/transport.ts';

/** What a server listens with. */
export interface Tls {
  readonly options: SecureContextOptions;
  readonly begins: EpochMs;
  readonly expires: EpochMs;
}

const EVERY_MINUTE = '40 * * * * *';
const EVERY_DAY = '18 6 * * *';
/** Programs that renew certificates do so a month before the end: later than this, they have failed. */
const WARN_MS = durationMs('P14D');
/** Far above any chain. */
const MAX_BYTES = 1 << 20;

/** Refused beforehand: where one does not fit the other, every handshake would fail. Errors: file/missing, disk/unreadable, server/tls-unusable. */
export async function readTls({ cert, key }: TlsFiles): Promise<Tls> {
  const chain = await readNamed(cert, MAX_BYTES);
  const secret = await readNamed(key, MAX_BYTES);
  const certificate = usable(cert, 'no certificate in PEM form', () => new X509Certificate(chain));
  const privateKey = usable(key, 'no private key in PEM form, or one with a passphrase', () => keyOf(secret));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new FairleadError('server/tls-unusable', { path: key, problem: `it is not the key of ${cert}` });
  }
  const options = { cert: Buffer.from(chain), key: Buffer.from(secret), minVersion: 'TLSv1.2' } as const;
  usable(cert, 'OpenSSL does not take it', () => createSecureContext(options));
  const { validFromDate: begins, validToDate: expires } = certificate;
  return { options, begins: begins.getTime(), expires: expires.getTime() };
}

/** Looks every minute, and at once on SIGHUP, until stopped. */
export function startRenewing(
  context: Context,
  tls: Tls | null,
  listener: object,
): { stop(): Promise<void> } {
  const { config } = context;
  if (tls === null || config.tls === null) return { stop: async () => undefined };
  const files = config.tls;
  let inUse = tls;
  const warn = () => warnOfEnd(context, files.cert, inUse);
  warn();
  const renew = async () => {
    inUse = await renewTls(files, inUse, listener as Listener, context);
  };
  const options = { noOverlap: true, suppressMissedWarning: true };
  const tasks = [
    cron.schedule(EVERY_MINUTE, renew, { name: 'tls', ...options }),
    cron.schedule(EVERY_DAY, warn, { name: 'certificate', ...options }),
  ];
  process.on('SIGHUP', renew);
  return {
    stop: async () => {
      process.off('SIGHUP', renew);
      for (const task of tasks) await task.destroy();
    },
  };
}

/** Something that listens with TLS. */
interface Listener {
  setSecureContext(options: SecureContextOptions): void;
}

/** Takes the renewed files; where they do not fit, as in the middle of a renewal, those from before stay. Answers what is in use. */
async function renewTls(
  files: TlsFiles,
  inUse: Tls,
  listener: Listener,
  { log, now }: Pick<Context, 'log' | 'now'>,
): Promise<Tls> {
  try {
    const read = await readTls(files);
    if (isSame(read.options, inUse.options)) return inUse;
    // What every caller would refuse takes the place of nothing that they accept; a moment later it may be valid.
    if (isValid(inUse, now()) && !isValid(read, now())) throw outOfTime(files, read, now());
    listener.setSecureContext(read.options);
    log.info({ job: 'tls', certificate: files.cert }, 'serves with the renewed certificate');
    return read;
  } catch (error) {
    log.error(
      { job: 'tls', err: error },
      'the renewed certificate cannot be used; the one from before stays',
    );
    return inUse;
  }
}

function isValid({ begins, expires }: Tls, now: EpochMs): boolean {
  return begins <= now && now < expires;
}

function outOfTime({ cert: path }: TlsFiles, { begins, expires }: Tls, now: EpochMs): FairleadError {
  const problem =
    now < begins
      ? `it is not valid before ${formatInstant(begins)}`
      : `it expired at ${formatInstant(expires)}`;
  return new FairleadError('server/tls-unusable', { path, problem });
}

function isSame(a: SecureContextOptions, b: SecureContextOptions): boolean {
  return String(a.cert) === String(b.cert) && String(a.key) === String(b.key);
}

function keyOf(pem: Uint8Array): KeyObject {
  return createPrivateKey(Buffer.from(pem));
}

function usable<T>(path: string, problem: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    // OpenSSL's own words name neither the file nor the remedy.
    throw new FairleadError('server/tls-unusable', { path, problem }, { cause });
  }
}

function warnOfEnd({ log, now }: Pick<Context, 'log' | 'now'>, certificate: string, { expires }: Tls): void {
  const left = expires - now();
  if (left > WARN_MS) return;
  const line = { job: 'tls', certificate, expires: formatInstant(expires) };
  log.warn(line, left <= 0 ? 'the certificate has expired' : 'the certificate expires soon');
}
