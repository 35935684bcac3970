// The machine's squid as the one way out of a company's network: it asks for a name and a password, and alone knows where names lead.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const PROGRAM = '/usr/sbin/squid';
const HELPER = '/usr/lib/squid/basic_ncsa_auth';

/** Why there can be none here; null where there can. */
export function squidMissing(): string | null {
  if (!existsSync(PROGRAM) || !existsSync(HELPER)) return 'needs squid';
  return process.getuid?.() === 0 ? null : 'needs root, for squid has an account of its own';
}

export interface Squid {
  /** Without a name and a password. */
  readonly host: string;
  /** Each request that it let through or refused: `CONNECT vendor.test:443 ada`. */
  requests(): readonly string[];
  stop(): Promise<void>;
}

/** `hosts` are names that it alone knows. */
export async function startSquid(
  user: string,
  password: string,
  hosts: Readonly<Record<string, string>>,
): Promise<Squid> {
  const dir = mkdtempSync(join(tmpdir(), 'squid-'));
  const port = await freePort();
  const hashed = execFileSync('openssl', ['passwd', '-apr1', password], { encoding: 'utf8' }).trim();
  writeFileSync(join(dir, 'users'), `${user}:${hashed}\n`);
  writeFileSync(
    join(dir, 'hosts'),
    Object.entries(hosts)
      .map(([name, address]) => `${address} ${name}\n`)
      .join(''),
  );
  writeFileSync(join(dir, 'squid.conf'), configurationOf(dir, port));
  chmodSync(dir, 0o755);
  const account = Number(execFileSync('id', ['-u', 'proxy'], { encoding: 'utf8' }));
  chownSync(dir, account, account);
  const child = spawn(PROGRAM, ['-N', '-f', join(dir, 'squid.conf')], { stdio: 'ignore' });
  await listens(port, child);
  return {
    host: `127.0.0.1:${port}`,
    requests: () =>
      existsSync(join(dir, 'access')) ? readFileSync(join(dir, 'access'), 'utf8').trim().split('\n') : [],
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => {
          rmSync(dir, { recursive: true, force: true });
          resolve();
        });
        child.kill('SIGKILL');
      }),
  };
}

function configurationOf(dir: string, port: number): string {
  return `http_port 127.0.0.1:${port}
pid_filename none
hosts_file ${dir}/hosts
auth_param basic program ${HELPER} ${dir}/users
auth_param basic children 1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
logformat short %rm %ru %un
access_log stdio:${dir}/access short
cache_log ${dir}/log
shutdown_lifetime 0 seconds
`;
}

async function listens(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.unref();
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`squid ended with ${child.exitCode}`);
}
