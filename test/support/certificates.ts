// A company's authority that no program comes with, and certificates that it has signed: by openssl, as an administrator would.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Company {
  readonly dir: string;
  /** `ca.pem`, `server.pem`, `server.key` and so on. */
  pem(name: string): string;
  path(name: string): string;
  /** By names as subjectAltName has them: `DNS:vendor.test,IP:::1`. A negative number of days is over. */
  sign(name: string, names: string, days?: number): void;
  remove(): void;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function foundCompany(commonName = 'Company'): Company {
  const dir = mkdtempSync(join(tmpdir(), 'company-'));
  const openssl = (...words: readonly string[]) =>
    execFileSync('openssl', words, { cwd: dir, stdio: 'ignore' });
  openssl(
    ...['req', '-x509', ...KEY, '-subj', `/CN=${commonName}`],
    ...['-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30'],
  );
  writeFileSync(join(dir, 'ca.conf'), CONFIGURATION);
  writeFileSync(join(dir, 'index'), '');
  return {
    dir,
    pem: (name) => readFileSync(join(dir, name), 'utf8'),
    path: (name) => join(dir, name),
    sign(name, names, days = 30) {
      writeFileSync(join(dir, `${name}.names`), `subjectAltName=${names}\n`);
      openssl('req', ...KEY, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const [from, to] = [Math.min(days - 1, -1), days].map(inDays);
      openssl(
        ...['ca', '-batch', '-notext', '-config', 'ca.conf', '-cert', 'ca.pem', '-keyfile', 'ca.key'],
        ...['-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.names`],
        ...['-startdate', from ?? '', '-enddate', to ?? ''],
      );
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

const CONFIGURATION = `[ca]
default_ca = company
[company]
database = index
new_certs_dir = .
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
`;

/** As openssl writes a moment: only its `ca` makes what has ended already. */
function inDays(days: number): string {
  return `${new Date(Date.now() + days * 86_400_000)
    .toISOString()
    .replace(/\.\d+Z$/, '')
    .replace(/\D/g, '')}Z`;
}
