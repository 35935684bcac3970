// The machine's nginx as a vendor runs it for the outside: TLS, certificates of clients, the server below a path.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

export interface CompanyNginx {
  readonly port: number;
  /** From the next connection on. */
  change(settings: Partial<CompanySettings>): Promise<void>;
  stop(): Promise<void>;
}

export interface CompanySettings {
  /** Files in PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Who signs certificates of clients. */
  readonly authority: string;
  readonly passesUpgrades: boolean;
}

/** `server` is the port of the release server. */
export async function startCompanyNginx(
  program: string,
  dir: string,
  server: string,
  settings: CompanySettings,
): Promise<CompanyNginx> {
  const port = await freePort();
  mkdirSync(dir, { recursive: true });
  let now = settings;
  const configure = () => writeFileSync(join(dir, 'nginx.conf'), configurationOf(dir, port, server, now));
  configure();
  const child = spawn(program, ['-c', join(dir, 'nginx.conf'), '-p', dir, '-e', join(dir, 'error.log')], {
    stdio: 'ignore',
  });
  await listens(port, child);
  return {
    port,
    change: async (changes) => {
      now = { ...now, ...changes };
      configure();
      child.kill('SIGHUP');
      // Workers of before go on with what they have; nothing says when the new ones take over.
      await new Promise((resolve) => setTimeout(resolve, 500));
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

function configurationOf(dir: string, port: number, server: string, settings: CompanySettings): string {
  const { certificate, key, authority, passesUpgrades } = settings;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(dir, name)};`)
    .join('\n');
  const upgrades = passesUpgrades
    ? 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_read_timeout 2m;'
    : 'return 403;';
  return `daemon off;
user root;
pid ${join(dir, 'nginx.pid')};
worker_processes 1;
worker_shutdown_timeout 1s;
events { worker_connections 256; }
http {
${temporary}
  access_log off;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};
    ssl_client_certificate ${authority};
    ssl_verify_client on;
    client_max_body_size 0;
    location = /fairlead/api/v1/subscribe {
      ${upgrades}
      proxy_pass http://127.0.0.1:${server}/api/v1/subscribe;
      proxy_http_version 1.1;
    }
    location /fairlead/ {
      proxy_pass http://127.0.0.1:${server}/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
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
  throw new Error(`nginx ended with ${child.exitCode}`);
}
