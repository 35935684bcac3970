// Who somebody is at a registry, as `docker login` has kept it: in docker's configuration, or with a program that keeps it.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { readImageDocument } from '../../schema/image-documents.ts';
import { readIfPresent } from '../read-file.ts';
import type { Login } from './registry.ts';

const dockerConfig = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});
const helped = z.object({ Username: z.string(), Secret: z.string() });

type Environment = Readonly<Record<string, string | undefined>>;

const MOST_CONFIG_BYTES = 1 << 20;
const HELPER_MS = 30_000;

/** Null where nobody has logged in there. Throws an error that says why what is kept cannot be had. */
export async function readDockerLogin(host: string, environment: Environment): Promise<Login | null> {
  const directory = environment.DOCKER_CONFIG ?? join(environment.HOME ?? '/', '.docker');
  const path = join(directory, 'config.json');
  const bytes = await readIfPresent(path, MOST_CONFIG_BYTES);
  if (bytes === null) return null;
  const config = readImageDocument(dockerConfig, bytes);
  if (config === null) throw new Error(`${path} is no configuration of docker`);
  // Docker's own hub is kept under the address that it had first.
  const names =
    host === 'docker.io' ? ['https://index.docker.io/v1/', 'docker.io'] : [host, `https://${host}`];
  for (const name of names) {
    const helper = config.credHelpers[name] ?? config.credsStore;
    const login =
      helper === undefined ? loginIn(config.auths[name]?.auth) : await ask(helper, name, environment);
    if (login !== null) return login;
  }
  return null;
}

function loginIn(auth: string | undefined): Login | null {
  const [user, ...password] = Buffer.from(auth ?? '', 'base64')
    .toString('utf8')
    .split(':');
  return user === undefined || user === '' ? null : { user, password: password.join(':') };
}

/** The protocol of docker's credential helpers: the name of the registry in, a document out. */
async function ask(helper: string, name: string, environment: Environment): Promise<Login | null> {
  if (!/^[\w.-]+$/.test(helper)) throw new Error(`"${helper}" is no credential helper of docker`);
  const program = `docker-credential-${helper}`;
  const { status, out } = await answerOf(program, name, environment);
  // It exits with 1 where it knows nobody, and has no other word for that.
  if (status === 1) return null;
  if (status === null) throw new Error(`${program}, for ${name}, did not run to its end: is it installed?`);
  const found = status === 0 ? readImageDocument(helped, out) : null;
  if (found === null) throw new Error(`${program} tells no login for ${name}`);
  // A token in place of a password is for a way in that nobody but docker's hub has.
  if (found.Username === '<token>') throw new Error(`${program} keeps a token for ${name}, and no password`);
  return { user: found.Username, password: found.Secret };
}

async function answerOf(
  program: string,
  input: string,
  environment: Environment,
): Promise<{ readonly status: number | null; readonly out: Buffer }> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  const child = spawn(program, ['get'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    // What unlocks our own keys is nothing to it.
    env: Object.fromEntries(Object.entries(environment).filter(([key]) => !key.startsWith('FAIRLEAD_'))),
    timeout: HELPER_MS,
    killSignal: 'SIGKILL',
  });
  const pieces: Buffer[] = [];
  let length = 0;
  child.stdout.on('data', (piece: Buffer) => {
    length += piece.length;
    if (length > MOST_CONFIG_BYTES) child.kill('SIGKILL');
    else pieces.push(piece);
  });
  child.on('error', () => resolve(null)).on('close', resolve);
  child.stdin.on('error', () => undefined).end(input);
  return { status: await promise, out: Buffer.concat(pieces) };
}
