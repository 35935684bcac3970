// A capability of containers whose versions stand side by side, with a volume that both write to; and a client that asks without a rest. Run as a program it is an agent.
import { mkdirSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createDrivers } from '../../agent/adapters/drivers/drivers.ts';
import { systemClock } from '../../agent/adapters/machine/surroundings.ts';
import { startWatchdog } from '../../agent/adapters/machine/watchdog.ts';
import type { Driver, ProgramUnit } from '../../agent/ports/deploy.ts';
import { digestOf } from '../../shared/encoding/digest.ts';
import { archiveOf } from './confined-containers.ts';
import { AUTH, type Deployable, deployableOf, releaseOf } from './deploy-releases.ts';
import { tarOf } from './image-archive.ts';
import { newDocker } from './image-forms.ts';
import { realInstance } from './real-instance.ts';
import type { Ports } from './side-by-side.ts';
import { webImage } from './web-image.ts';

/** Stored and ready to deploy. */
export function containersBeside(stateDir: string, version: string, ports: Ports): Deployable {
  const image = webImage(stateDir, version);
  const digest = digestOf(image.config);
  const integer = { type: 'integer' };
  const release = deployableOf(
    {
      [AUTH]: releaseOf(AUTH, version, {
        service: {
          ...{ driver: 'compose', file: 'compose.yaml', images: [{ archive: 'image.tar', digest }] },
          env: { PORT: '${settings.port}' },
          blueGreen: { public: 'port', slots: ['blue', 'green'], drain: 'PT1S', volumes: ['data'] },
        },
        settings: { port: integer, blue: integer, green: integer },
        health: [
          {
            http: 'http://127.0.0.1:${settings.port}/',
            contains: `from ${version}`,
            ...{ startPeriod: 'PT1M', interval: 'PT0S', successes: 2, failures: 2 },
          },
        ],
        smoke: [],
        hooks: {},
      }),
    },
    { [AUTH]: { ...ports } },
  );
  const archive = archiveOf(stateDir, release);
  mkdirSync(dirname(archive), { recursive: true });
  writeFileSync(archive, tarOf(newDocker(image)));
  const web = {
    ...{ image: digest, init: true, environment: { GREETING: 'hello' } },
    ...{ ports: ['${PORT}:80'], volumes: ['data:/data'] },
  };
  writeFileSync(
    `${dirname(archive)}/compose.yaml`,
    JSON.stringify({ services: { web }, volumes: { data: {} } }),
  );
  return release;
}

/** Asks every 50 ms, each time over a connection of its own. */
export function startPolling(port: number) {
  const answers: string[] = [];
  let isOver = false;
  const polled = (async () => {
    for (; !isOver; await delay(50)) answers.push(await answerAt(port));
  })();
  return {
    async stop(): Promise<readonly string[]> {
      isOver = true;
      await polled;
      return answers;
    },
  };
}

function answerAt(port: number): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, agent: false, timeout: 2_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.once('end', () => resolve(text.trim())).once('error', ({ message }) => resolve(message));
    });
    request.once('timeout', () => request.destroy(new Error('no answer in time')));
    request.once('error', ({ message }) => resolve(message));
  });
}

/** Each start of the program takes the next step: an install, an update, the way back. Then it supervises. */
const [, program, ports = '', , stateDir = ''] = process.argv;
if (program === import.meta.filename) {
  // The store of trees makes passable what the unit's mask would not.
  process.umask(0o022);
  const driver = createDrivers({ stateDir, clock: systemClock, enabled: ['compose'] });
  const { deployer, deploy, warnings } = realInstance(stateDir, {
    driver: driver as Driver as Driver<ProgramUnit>,
  });
  await deployer.recover();
  startWatchdog({ environment: process.env, lives: () => true, onError: console.error });
  const { length } = await deployer.records();
  const record = await (length < 2
    ? deploy(containersBeside(stateDir, `1.${length}.0`, JSON.parse(ports)))
    : deployer.rollback({ reason: 'it is slow', actor: 'sam' }));
  writeFileSync(
    `${stateDir}/outcome-${length}`,
    [record.state, record.failure?.message, ...warnings].join(' '),
  );
  await deployer.supervise(new AbortController().signal);
}
