// Ports of the machine that a project publishes: whether they are free while the version before still runs.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { FairleadError } from '../../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { ComposeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { type Published, publishedPorts } from '../../../../shared/schema/drivers/two-at-once.ts';
import { ANSWER_BYTES, docker, engineAddress, verifyDone } from './docker.ts';

/** Errors: deploy/address-taken, when somebody else than containers of ours listens; service/manager-failed. */
export async function verifyPortsFree(component: ComponentKey, project: ComposeProject): Promise<void> {
  const wanted = publishedPorts(project);
  // The ports of another machine cannot be tried here.
  if (wanted.length === 0 || !engineAddress().startsWith('unix:')) return;
  const ours = await portsOfOurs();
  for (const one of wanted) {
    if (ours.has(`${one.port}/${one.protocol}`) || (await isFree(one))) continue;
    throw new FairleadError('deploy/address-taken', { component, address: `${one.host}:${one.port}` });
  }
}

async function portsOfOurs(): Promise<ReadonlySet<string>> {
  const format = '{{.Label "com.docker.compose.project"}} {{.Ports}}';
  const { stdout } = verifyDone(await docker(['ps', '--format', format], { keepBytes: ANSWER_BYTES }));
  const lines = stdout.split('\n').filter((line) => line.startsWith('fairlead_'));
  return new Set(lines.flatMap(portsIn));
}

/** As the engine writes them: `127.0.0.1:8080->80/tcp, [::]:9000-9002->9000-9002/udp`. */
export function portsIn(line: string): readonly string[] {
  return [...line.matchAll(/:(\d+)(?:-(\d+))?->\d+(?:-\d+)?\/(tcp|udp)/g)].flatMap(
    ([, first = '', last = first, protocol]) => {
      const count = Math.max(0, Math.min(Number(last), 65_535) - Number(first) + 1);
      return Array.from({ length: count }, (_, at) => `${Number(first) + at}/${protocol}`);
    },
  );
}

/** What else speaks against it, such as the agent’s own rights, need not speak against the engine. */
function isFree({ host, port, protocol }: Published): Promise<boolean> {
  return new Promise((resolve) => {
    const taken = (error: NodeJS.ErrnoException) => resolve(error.code !== 'EADDRINUSE');
    if (protocol === 'tcp') {
      const server = createServer().once('error', taken);
      server.listen({ host, port }, () => server.close(() => resolve(true)));
      return;
    }
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').once('error', taken);
    socket.bind({ address: host, port }, () => socket.close(() => resolve(true)));
  });
}
