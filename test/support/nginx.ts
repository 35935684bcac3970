// The machine's nginx before servers of ours: its own directory, one process less to guess about, and the settings that the guide gives.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const PROGRAM = '/usr/sbin/nginx';

/** Null where the machine has none. */
export function findNginx(): string | null {
  return existsSync(PROGRAM) ? PROGRAM : null;
}

export interface Nginx {
  readonly url: string;
  stop(): Promise<void>;
}

/** `more` are locations besides, as they stand in its configuration. */
export async function startNginx(
  program: string,
  dir: string,
  ports: readonly number[],
  more = '',
): Promise<Nginx> {
  const port = await freePort();
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'nginx.conf'), configurationOf(dir, port, ports, more));
  const child = spawn(program, ['-c', join(dir, 'nginx.conf'), '-p', dir, '-e', join(dir, 'error.log')], {
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  await answers(url, child);
  return {
    url,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill('SIGTERM');
      }),
  };
}

/** A server that does not answer, or says 503, is passed over: what agents and publishers send may be sent again. */
function configurationOf(dir: string, port: number, ports: readonly number[], more: string): string {
  const servers = ports.map((one) => `    server 127.0.0.1:${one} max_fails=1 fail_timeout=1s;`).join('\n');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(dir, name)};`)
    .join('\n');
  return `daemon off;
user root;
pid ${join(dir, 'nginx.pid')};
worker_processes 1;
events { worker_connections 512; }
http {
${temporary}
  access_log off;
  upstream fairlead {
${servers}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
${more}
    location / {
      proxy_pass http://fairlead;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_connect_timeout 2s;
      proxy_read_timeout 5s;
      proxy_next_upstream error timeout http_503 non_idempotent;
    }
  }
}
`;
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`${url}/healthz`).catch(() => null);
    if (answer !== null) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nginx ended with ${child.exitCode}`);
}
