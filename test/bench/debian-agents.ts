// Agents that Debian ships, beside which ours is measured: their packages unpacked over a copy of this machine, nothing installed.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DebianAgent {
  /** Of its package. */
  readonly name: string;
  readonly version: readonly string[];
  readonly service: readonly string[];
  /** It asks a server that is not there, as the others do. */
  readonly files: Readonly<Record<string, string>>;
}

export const DEBIAN_AGENTS: readonly DebianAgent[] = [
  {
    name: 'mender-client',
    version: ['/usr/bin/mender', '--version'],
    service: ['/usr/bin/mender', '--config', '/etc/mender/bench.conf', 'daemon'],
    files: {
      '/etc/mender/bench.conf': JSON.stringify({
        ServerURL: 'https://127.0.0.1:9',
        UpdatePollIntervalSeconds: 60,
        InventoryPollIntervalSeconds: 60,
        RetryPollIntervalSeconds: 60,
      }),
      '/usr/share/mender/identity/mender-device-identity': '#!/bin/sh\necho mac=00\n',
      // Its package leads there.
      '/data/mender/bench': '',
    },
  },
  {
    name: 'zabbix-agent2',
    version: ['/usr/sbin/zabbix_agent2', '--version'],
    service: ['/usr/sbin/zabbix_agent2', '--foreground', '--config', '/etc/zabbix/bench.conf'],
    files: {
      '/etc/zabbix/bench.conf':
        'Server=127.0.0.1\nServerActive=127.0.0.1:9\nHostname=bench\nListenIP=127.0.0.1\nLogType=console\n' +
        'ControlSocket=/tmp/zabbix.sock\n',
    },
  },
  {
    name: 'puppet-agent',
    version: ['/usr/bin/puppet', '--version'],
    service: ['/usr/bin/puppet', 'agent', '--no-daemonize', '--server', 'localhost', '--waitforcert', '60'],
    files: {},
  },
];

export interface UnpackedAgent {
  /** Of its own package, as it is fetched. */
  readonly packedBytes: number;
  readonly bytes: number;
  start(words: readonly string[]): ChildProcess;
}

/** Error: no package, no network, or no place for a file system of its own. */
export async function unpackAgent({ name, files }: DebianAgent, work: string): Promise<UnpackedAgent> {
  const [root, packages] = [join(work, name, 'root'), join(work, name, 'packages')];
  for (const directory of [root, packages, join(work, name, 'here')])
    mkdirSync(directory, { recursive: true });
  // Whatever this machine lacks, as apt would install it.
  const plan = await run('apt-get', ['--simulate', '--no-install-recommends', 'install', name]);
  const wanted = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, one = '']) => one);
  await run('apt-get', ['download', ...new Set([name, ...wanted])], { cwd: packages });
  const archives = readdirSync(packages);
  for (const archive of archives) await run('dpkg-deb', ['--extract', join(packages, archive), root]);
  // A directory of theirs would hide the link of that name.
  await run('sh', [
    '-c',
    'cd "$1" && [ ! -d lib ] || { mkdir -p usr && cp -a lib usr/ && rm -r lib; }',
    'sh',
    root,
  ]);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o755 });
  }
  const own = archives.find((archive) => archive.startsWith(`${name}_`)) ?? '';
  const { stdout } = await run('du', ['--summarize', '--bytes', root]);
  return {
    packedBytes: statSync(join(packages, own)).size,
    bytes: Number.parseInt(stdout, 10),
    start: (words) => startOver(join(work, name), words),
  };
}

/** What it writes ends with it. */
function startOver(directory: string, words: readonly string[]): ChildProcess {
  const script = `set -e
cd "$1"; shift
mount -t tmpfs tmpfs here
mkdir here/written here/scratch here/all
mount -t overlay -o lowerdir=/,upperdir=here/written,workdir=here/scratch overlay here/all
cp --archive root/. here/all/
for part in proc sys dev; do mount --rbind /$part here/all/$part; done
mount -t tmpfs tmpfs here/all/tmp
exec chroot here/all "$@"`;
  return spawn('unshare', ['--mount', 'sh', '-c', script, 'sh', directory, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}
