// Debian's registry of images, with a login, and what a test puts into it.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digestOf } from '../../shared/encoding/digest.ts';
import { until } from './driver-contract.ts';
import { freePort } from './free-port.ts';
import { described, type Image, json, manifestOf } from './image-forms.ts';

const PROGRAM = '/usr/bin/docker-registry';
export const USER = 'reader';
export const PASSWORD = 'a registry password';
/** Of that password: it takes no other form than bcrypt. */
const HASHED = '$2b$04$BcDE8TOzVQNmL8/3e2JyuuMveSKqYN7UOvrTJur6IULjeP7Isx83S';

/** Why there can be none here; null where there can. */
export const registryMissing = existsSync(PROGRAM) ? null : 'needs docker-registry';

export interface RegistryServer {
  readonly host: string;
  readonly pid: number;
  /** Puts an image there; answers with the digest of its manifest. */
  push(repository: string, tag: string, image: Image): Promise<string>;
  /** An index of what was pushed, each for its platform. */
  pushIndex(repository: string, tag: string, each: Readonly<Record<string, Image>>): Promise<string>;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<RegistryServer> {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-registry-'));
  const port = await freePort();
  const users = join(directory, 'users');
  writeFileSync(users, `${USER}:${HASHED}\n`);
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(directory, 'data') } },
    http: { addr: `127.0.0.1:${port}` },
    auth: { htpasswd: { realm: 'images', path: users } },
  };
  writeFileSync(join(directory, 'config.yml'), JSON.stringify(config));
  const child = spawn(PROGRAM, ['serve', join(directory, 'config.yml')], { stdio: 'ignore' });
  const host = `127.0.0.1:${port}`;
  await until(async () => (await fetch(`http://${host}/v2/`).catch(() => null)) !== null);
  return { host, pid: child.pid ?? 0, ...pushing(host), stop: () => stop(child, directory) };
}

function pushing(host: string): Pick<RegistryServer, 'push' | 'pushIndex'> {
  const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  async function ask(method: string, url: string, body?: Buffer, type = 'application/octet-stream') {
    const headers = { authorization, 'content-type': type };
    const answer = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
  async function pushBlob(repository: string, bytes: Buffer): Promise<void> {
    const begun = await ask('POST', `http://${host}/v2/${repository}/blobs/uploads/`);
    const location = new URL(begun.headers.get('location') ?? '', `http://${host}`);
    location.searchParams.set('digest', digestOf(bytes));
    await ask('PUT', location.href, bytes);
  }
  async function pushManifest(repository: string, reference: string, manifest: Buffer): Promise<string> {
    const { mediaType } = JSON.parse(manifest.toString());
    await ask('PUT', `http://${host}/v2/${repository}/manifests/${reference}`, manifest, mediaType);
    return digestOf(manifest);
  }
  async function push(repository: string, tag: string, image: Image): Promise<string> {
    const layers = image.layers.map((bytes) => gzipSync(bytes));
    for (const bytes of [image.config, ...layers]) await pushBlob(repository, bytes);
    return pushManifest(repository, tag, json(manifestOf(image.config, layers)));
  }
  return {
    push,
    async pushIndex(repository, tag, each) {
      const manifests = [];
      for (const [platform, image] of Object.entries(each)) {
        await push(repository, platform.replaceAll('/', '-'), image);
        const [os, architecture] = platform.split('/');
        const manifest = json(
          manifestOf(
            image.config,
            image.layers.map((bytes) => gzipSync(bytes)),
          ),
        );
        manifests.push({ ...described(manifest), platform: { os, architecture } });
      }
      const mediaType = 'application/vnd.oci.image.index.v1+json';
      return pushManifest(repository, tag, json({ schemaVersion: 2, mediaType, manifests }));
    },
  };
}

function stop(child: ChildProcess, directory: string): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      rmSync(directory, { recursive: true, force: true });
      resolve();
    };
    if (child.exitCode !== null || child.signalCode !== null) return end();
    child.once('exit', end);
    child.kill('SIGKILL');
  });
}
