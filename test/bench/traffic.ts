// What the traffic switch costs: the same answers of the same service, asked for directly and through the switch.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { type Figures, formatMb, formatMs } from './figures.ts';

const CLIENTS = 16;
const SECONDS = 3;
const RUNS = 3;
const BULK = 256 << 20;
const MAIN = new URL('../../agent/cli/main.ts', import.meta.url).pathname;
const SERVICE = `const bulk = Buffer.alloc(${BULK});
require('node:http').createServer((request, response) => response.end(request.url === '/bulk' ? bulk : 'ok'))
  .listen(Number(process.argv[1]), '127.0.0.1')`;

/** Requests or bytes a second, and the milliseconds of each in order. */
interface Sample {
  readonly perSecond: number;
  readonly times: readonly number[];
}

export async function measureTraffic(work: string): Promise<Figures> {
  const [port, publicPort] = [await freePort(), await freePort()];
  const directory = join(work, 'traffic');
  mkdirSync(directory);
  writeFileSync(join(directory, 'route.json'), JSON.stringify({ address: '127.0.0.1', publicPort, port }));
  const children = [
    ['-e', SERVICE, String(port)],
    [MAIN, 'agent', 'switch', join(directory, 'route.json')],
  ].map((words) => spawn(process.execPath, words, { stdio: 'ignore' }));
  const compare = async (
    what: string,
    show: (sample: Sample) => string,
    measure: (port: number) => Promise<Sample>,
  ) => [what, ...(await best(port, publicPort, measure)).map(show)];
  try {
    await listening(port);
    await listening(publicPort);
    return {
      title: 'The traffic switch',
      note: `${CLIENTS} clients for ${SECONDS} s; the best of ${RUNS} runs each way, taken in turns. Clients, switch and service share this machine. Requests a second, their median and 99th percentile. Less than a quarter of difference is noise.`,
      head: ['what', 'direct', 'through the switch'],
      rows: [
        await compare('requests on kept connections', describe, (at) => load(at, true)),
        await compare('a connection for each request', describe, (at) => load(at, false)),
        await compare('one long download', ({ perSecond }) => `${formatMb(perSecond)}/s`, download),
      ],
    };
  } finally {
    await Promise.all(children.map(end));
  }
}

/** In turns, so that whatever else the machine does meets both. */
async function best(direct: number, through: number, measure: (port: number) => Promise<Sample>) {
  const near: Sample[] = [];
  const far: Sample[] = [];
  for (let run = 0; run < RUNS; run++) {
    near.push(await measure(direct));
    far.push(await measure(through));
  }
  return [near, far].map((samples) => samples.reduce((a, b) => (b.perSecond > a.perSecond ? b : a)));
}

async function load(port: number, keepAlive: boolean): Promise<Sample> {
  const agent = new Agent({ keepAlive, maxSockets: CLIENTS });
  const times: number[] = [];
  const end = performance.now() + SECONDS * 1000;
  const client = async () => {
    for (let start = performance.now(); start < end; start = performance.now()) {
      await ask(port, '/', agent);
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  agent.destroy();
  return { perSecond: times.length / SECONDS, times: times.toSorted((a, b) => a - b) };
}

async function download(port: number): Promise<Sample> {
  const start = performance.now();
  const bytes = await ask(port, '/bulk', new Agent());
  const ms = performance.now() - start;
  return { perSecond: (bytes / ms) * 1000, times: [ms] };
}

function describe({ perSecond, times }: Sample): string {
  const at = (share: number) => formatMs(times[Math.floor(times.length * share)] ?? Number.NaN);
  return `${Math.round(perSecond).toLocaleString('en')}/s, ${at(0.5)}, ${at(0.99)}`;
}

/** Answers with the bytes of the body. */
function ask(port: number, path: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => resolve(bytes));
      response.on('error', reject);
    }).on('error', reject);
  });
}

async function listening(port: number): Promise<void> {
  for (let tries = 100; ; tries--) {
    try {
      return void (await ask(port, '/', new Agent()));
    } catch (error) {
      if (tries === 0) throw error;
      await delay(100);
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill();
  await gone;
}
