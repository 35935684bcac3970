// Certificates in PEM as people hand them over: all of a bundle looked at, and said in words what each is.
import { X509Certificate } from 'node:crypto';
import { sanitizeLine } from '../encoding/text.ts';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;
const CERTIFICATE = /^(?:TRUSTED |X509 )?CERTIFICATE$/;

/** Every certificate of a text, in its order. Throws where one is damaged, where there is none, and where something else stands beside them. */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  const blocks = [...pem.matchAll(BLOCK)];
  const begun = pem.match(/-----BEGIN /g)?.length ?? 0;
  if (blocks.length === 0) throw new Error('it is no certificate in PEM');
  if (blocks.length !== begun) throw new Error('a certificate in it has no end');
  return blocks.map(([text, kind = ''], index) => {
    // What is believed is public, and what is secret has its own place and mode.
    if (!CERTIFICATE.test(kind)) throw new Error(`beside certificates it holds a ${kind.toLowerCase()}`);
    try {
      return new X509Certificate(text);
    } catch (cause) {
      const which = blocks.length === 1 ? 'it' : `certificate ${index + 1} of ${blocks.length}`;
      throw new Error(`${which} is damaged`, { cause });
    }
  });
}

/** Its common name, or whatever of its name says most. */
export function nameIn(distinguished: string | undefined): string {
  const lines = (distinguished ?? '').split('\n');
  const value = (key: string) => lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
  return sanitizeLine(value('CN') ?? value('O') ?? lines[0] ?? '').slice(0, 120) || 'nobody';
}

/** The first of them that is not valid at this moment, in words; null where all are. */
export function outOfTime(certificates: readonly X509Certificate[], now: number): string | null {
  for (const { subject, validFromDate, validToDate } of certificates) {
    if (now > validToDate.getTime()) return `${nameIn(subject)} ended on ${dayOf(validToDate)}`;
    if (now < validFromDate.getTime()) return `${nameIn(subject)} begins on ${dayOf(validFromDate)}`;
  }
  return null;
}

export function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}
