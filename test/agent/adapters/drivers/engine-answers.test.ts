// What the engine says and what was noted of it: rubbish in either is no port and no image, and ends nothing.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { containersOf } from '../../../../agent/adapters/drivers/compose/docker.ts';
import { findVolume } from '../../../../agent/adapters/drivers/compose/engine-volumes.ts';
import {
  createImageRecords,
  type GivenImage,
} from '../../../../agent/adapters/drivers/compose/image-record.ts';
import { portsIn, verifyPortsFree } from '../../../../agent/adapters/drivers/compose/published-ports.ts';
import { canonicalize } from '../../../../shared/encoding/canonical.ts';
import { digestOf } from '../../../../shared/encoding/digest.ts';
import { composeProject } from '../../../../shared/schema/drivers/confinement.ts';
import { temporaryDirectory } from '../../../support/directories.ts';
import { COMPONENT } from '../../../support/driver-contract.ts';
import { rejectionOf } from '../../../support/error-code.ts';
import { useFakeDocker } from '../../../support/fake-engine.ts';

describe('the ports of containers', () => {
  it.each<[string, string[]]>([
    ['fairlead_core_auth 127.0.0.1:8080->80/tcp', ['8080/tcp']],
    ['x 0.0.0.0:53->53/udp, [::]:53->53/udp', ['53/udp', '53/udp']],
    ['x [::]:9000-9002->9000-9002/tcp', ['9000/tcp', '9001/tcp', '9002/tcp']],
    ['x 80/tcp, 443/tcp', []],
    ['x', []],
    ['x 127.0.0.1:9002-9000->1/tcp', []],
    ['x :65535-4294967296->1-2/tcp', ['65535/tcp']],
    ['x :99999999999999999999999-1->1/tcp', []],
    ['x :80->80/sctp', []],
    ['x :->1/tcp, :80->/tcp, :80-->1/tcp, :80->1-/tcp', []],
  ])('are in %s', (line, ports) => {
    expect(portsIn(line)).toEqual(ports);
  });

  it('are at most all there are, whatever a line says', () => {
    const line = fc.string({ unit: fc.constantFrom(...'0123456789:->/tcpudp, []') });
    fc.assert(
      fc.property(fc.oneof(line, fc.string()), (text) => {
        const ports = portsIn(`x ${text}`);

        expect(ports.length).toBeLessThanOrEqual(65_536 * (text.match(/->/g)?.length ?? 0));
        for (const port of ports) expect(port).toMatch(/^\d+\/(?:tcp|udp)$/);
      }),
    );
  });
});

describe('a port of the machine', () => {
  const PATH = process.env.PATH;
  let engine: string;
  beforeEach(() => {
    engine = useFakeDocker(temporaryDirectory());
  });
  afterEach(() => {
    process.env.PATH = PATH;
    vi.unstubAllEnvs();
  });

  /** Somebody listens there until the test is over. */
  async function taken(protocol: 'tcp' | 'udp', host: string): Promise<number> {
    if (protocol === 'tcp') {
      const server = createServer().listen(0, host);
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      return (server.address() as AddressInfo).port;
    }
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4').bind(0, host);
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    return socket.address().port;
  }
  const verifying = (port: number, protocol = 'tcp', host_ip = '127.0.0.1') => {
    const web = { ports: [{ target: 80, published: String(port), protocol, host_ip }] };
    return verifyPortsFree(COMPONENT, composeProject.parse({ services: { web } }));
  };
  const TAKEN = { code: 'deploy/address-taken' };

  it.each([
    ['tcp', '127.0.0.1', 'udp'],
    ['tcp', '::1', 'udp'],
    ['udp', '127.0.0.1', 'tcp'],
    ['udp', '::1', 'tcp'],
  ] as const)('of %s at %s is taken by who has it, and free of %s', async (protocol, host, other) => {
    const port = await taken(protocol, host);

    await expect(verifying(port, protocol, host)).rejects.toMatchObject(TAKEN);
    await verifying(port, other, host);
  });

  it('may be had by containers of ours, which make way', async () => {
    const port = await taken('tcp', '127.0.0.1');
    const has = (line: string) => writeFileSync(join(engine, 'published'), `${line}\n`);

    has(`fairlead_core_api 127.0.0.1:${port}->80/tcp`);
    await verifying(port);
    for (const line of [
      `fairlead_core_api 127.0.0.1:${port}->80/udp`,
      `fairlead_core_api 127.0.0.1:${port + 1}->${port}/tcp`,
      `other_fairlead_core_api 127.0.0.1:${port}->80/tcp`,
    ]) {
      has(line);
      await expect(verifying(port), line).rejects.toMatchObject(TAKEN);
    }
    expect(readFileSync(join(engine, 'calls'), 'utf8')).toContain(
      'ps --format {{.Label "com.docker.compose.project"}} {{.Ports}}\n',
    );
  });

  it('is not looked at on another machine, nor the engine asked where none is published', async () => {
    const port = await taken('tcp', '127.0.0.1');
    writeFileSync(join(engine, 'away'), '');

    await verifyPortsFree(COMPONENT, composeProject.parse({ services: { web: {} } }));
    await expect(verifying(port)).rejects.toMatchObject({ code: 'service/manager-failed' });
    vi.stubEnv('DOCKER_HOST', 'tcp://192.0.2.1:2376');
    await verifying(port);
  });
});

const IMAGE: GivenImage = {
  ...{ digest: digestOf(Buffer.from('x')), config: digestOf(Buffer.from('x')) },
  ...{ isOurs: true, layers: [], id: null },
};

describe('what was noted of images', () => {
  function setUp(bytes: Uint8Array | string) {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, `${COMPONENT.replace('/', '.')}.images.json`), bytes);
    return createImageRecords(directory);
  }

  it('is read as it was written', async () => {
    const records = createImageRecords(temporaryDirectory());
    await records.write(COMPONENT, [IMAGE]);

    expect(await records.read(COMPONENT)).toEqual([IMAGE]);
    expect(await records.haveLoaded(IMAGE.config)).toBe(true);
  });

  it.each<[string, Uint8Array | string]>([
    ['nothing', ''],
    ['zeros', Buffer.alloc(4096)],
    ['no JSON', '{"images":['],
    ['null', 'null'],
    ['no list', '{"images":{}}'],
    ['an image that is none', '{"images":[null]}'],
    ['a digest that is none', canonicalize({ images: [{ ...IMAGE, layers: [], digest: 'sha256:x' }] })],
    ['a key of a later version', canonicalize({ images: [{ ...IMAGE, layers: [], later: 1 }] })],
    ['more than there can be', `{"images":[${'{},'.repeat(1001)}{}]}`],
  ])('is none where the file is %s, and is written anew', async (_, bytes) => {
    const records = setUp(bytes);

    const before = [await records.read(COMPONENT), await records.haveLoaded(IMAGE.config)];
    await records.write(COMPONENT, [IMAGE]);

    expect(before).toEqual([[], false]);
    expect(await records.read(COMPONENT)).toEqual([IMAGE]);
  });

  it('is none where a directory stands in its place', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, `${COMPONENT.replace('/', '.')}.images.json`));
    const records = createImageRecords(directory);

    expect([await records.read(COMPONENT), await records.haveLoaded(IMAGE.config)]).toEqual([[], false]);
  });
});

describe('an engine that is asked', () => {
  const PATH = process.env.PATH;
  const ROW = 'one /fairlead_core_auth-web-1 0 web running 0 "2026-01-01T00:00:00Z" "0001-01-01T00:00:00Z"';
  afterEach(() => {
    process.env.PATH = PATH;
  });

  /** Whatever it is asked, but for the list of containers. */
  function saying(text: string): void {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'says'), text);
    answering(directory, `cat ${directory}/says`);
  }

  /** A container that was made and never started, in the format that is asked for, as Podman's own program writes it. */
  function asPodman(): void {
    const said = [
      ['{{.ID}}', 'one'],
      ['{{.Name}}', 'web'],
      ['{{.RestartCount}}', '0'],
      ['{{index .Config.Labels "com.docker.compose.service"}}', 'web'],
      ['{{.State.Status}}', 'created'],
      ['{{.State.ExitCode}}', '0'],
      ...['StartedAt', 'FinishedAt'].flatMap((time) => [
        [`{{.State.${time}}}`, '0001-01-01 00:00:00 +0000 UTC'],
        [`{{json .State.${time}}}`, '"0001-01-01T00:00:00Z"'],
      ]),
      ['{{with .State.Health}}{{.Status}}{{end}}', ''],
    ];
    const fill = said.map(([asked, text]) => `-e 's|${asked}|${text}|'`).join(' ');
    answering(temporaryDirectory(), `printf '%s\\n' "$3" | sed ${fill}`);
  }

  function answering(directory: string, command: string): void {
    const script = `#!/bin/sh\n[ "$1" = ps ] && { echo one; exit; }\n${command}\n`;
    writeFileSync(join(directory, 'docker'), script);
    chmodSync(join(directory, 'docker'), 0o755);
    process.env.PATH = `${directory}:${PATH}`;
  }

  it('tells of more containers than the tail of a log would hold', async () => {
    saying(`${ROW} healthy\n${`${ROW} \n`.repeat(2000)}`);

    const containers = await containersOf(COMPONENT);

    expect([containers.length, containers[0]?.health, containers[1]?.health]).toEqual([
      ...[2001, 'healthy', 'none'],
    ]);
  });

  it('tells of containers also where it is Podman’s own program, whose times have blanks', async () => {
    asPodman();

    expect(await containersOf(COMPONENT)).toEqual([
      {
        ...{ id: 'one', name: 'web', service: 'web', state: 'created', exitStatus: 0 },
        ...{ restarts: 0, ranMs: 0, health: 'none' },
      },
    ]);
  });

  it.each([
    ['Docker says it', '/web', '"2026-01-01T00:00:00.5Z" "2026-01-01T00:00:02Z"', 1_500],
    ['Podman says it', 'web', '"2026-01-01T01:00:00.5+01:00" "2026-01-01T00:00:02Z"', 1_500],
    ['it never ran', 'web', '"0001-01-01T00:00:00Z" "0001-01-01T00:00:00Z"', 0],
    ['it has no end', 'web', '"2026-01-01T00:00:00Z" ""', 0],
  ])('tells how long a container ran, as %s', async (_, name, times, ranMs) => {
    saying(`one ${name} 0 web exited 3 ${times} `);

    expect(await containersOf(COMPONENT)).toMatchObject([{ name: 'web', exitStatus: 3, ranMs }]);
  });

  it.each([
    ['a row that was cut', ROW.slice(20)],
    ['no number', ROW.replace(' 0 web', ' many web')],
    ['no exit status', ROW.replace('running 0', 'running <no value>')],
    ['too much', `${ROW} healthy {"Log":[]}`],
    ['JSON', '{"Status":"running"}'],
  ])('says nothing of containers with %s: that is no crash, and no container', async (_, text) => {
    saying(text);

    expect((await rejectionOf(containersOf(COMPONENT))).code).toBe('service/manager-failed');
  });

  it.each([
    ['nothing', ''],
    ['half of it', '{"Driver":"local",'],
    ['no object', 'null'],
    ['labels that are none', '{"Labels":[1]}'],
  ])('says nothing of a volume with %s', async (_, text) => {
    saying(text);

    expect((await rejectionOf(findVolume('data'))).code).toBe('service/manager-failed');
  });
});
