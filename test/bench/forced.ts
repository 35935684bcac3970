// What a forced patch takes on a real install whose service writes beside its code, and what a missing program costs.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { formatInstant } from '../../shared/encoding/instant.ts';
import { checkNow, enrol, expectDeployed } from '../labs/demo/agent-steps.ts';
import { type Application, PORT_SETTING } from '../labs/demo/applications.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { readUrl } from '../labs/demo/services.ts';
import { createStage, environmentFor, type Stage } from '../labs/demo/stage.ts';
import { setUp } from '../labs/demo/story.ts';
import { createTerminal } from '../labs/demo/terminal.ts';
import { release, rollOut } from '../labs/demo/vendor-steps.ts';
import { type Figures, formatMs, median } from './figures.ts';

const ORDERS = 5;
const FIRST = '1.0.0';
const UNSTARTABLE = '1.1.0';
const POLL_INTERVAL = 'PT2S';
const DAY_MS = 86_400_000;
const ASK_EVERY_MS = 20;

const SERVICE = `require('node:fs').writeFileSync('cache.txt', String(Date.now()));
require('node:http').createServer((_, answer) => answer.end('version ' + process.argv[3] + ';'))
  .listen(Number(process.argv[2]), '127.0.0.1');`;

const application: Application = {
  component: 'tools/cached',
  url: (port) => `http://127.0.0.1:${port}/`,
  expected: (version) => `version ${version};`,
  prepare: async (version, directory) => {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'service.cjs'), SERVICE);
    const program = version === UNSTARTABLE ? 'a-program-nobody-installed' : 'node';
    return {
      directory,
      manifest: {
        service: { driver: 'process', exec: [program, 'service.cjs', '${settings.port}', version] },
        settings: PORT_SETTING,
        health: [{ http: 'http://127.0.0.1:${settings.port}/', interval: 'PT1S', successes: 2 }],
      },
    };
  },
};

export async function measureForced(work: string): Promise<Figures> {
  const stage = await openStage(join(work, 'forced'));
  try {
    const missing = await updateToMissingProgram(stage);
    await stage.terminal.run(['fairlead', 'channel', 'set', 'frozen', '--reason', 'nothing but orders']);
    const times: number[] = [];
    for (let order = 1; order <= ORDERS; order++) times.push(await force(stage, order));
    return {
      title: 'A forced patch',
      note: `One install on channel frozen, polling every 2 s; its service writes a file beside its code at every start. The patch is released; from the start of \`fairlead-vendor advisory publish\` until the service answers with the fixed version, ${ORDERS} orders. And an ordinary update whose program is not on the machine: how many of the requests sent every ${ASK_EVERY_MS} ms meanwhile failed.`,
      head: ['what', 'median', 'worst'],
      rows: [
        ['advisory published → fixed version answers', formatMs(median(times)), formatMs(Math.max(...times))],
        [`requests failed of ${missing.asked}, program missing`, String(missing.failed), '–'],
      ],
    };
  } finally {
    await stage.close();
  }
}

/** A vendor, a server and an agent on loopback, with the first version running. */
async function openStage(directory: string): Promise<Stage> {
  mkdirSync(directory);
  const terminal = createTerminal(directory, environmentFor(directory), () => undefined);
  const edition = createOfflineEdition();
  const stage = await createStage({
    ...{ directory, terminal },
    edition: { ...edition, editor: { ...edition.editor, ...application } },
    prepared: (one, version) => one.prepare(version, join(directory, 'versions', version)),
    agentOptions: ['--soak', 'PT1S', '--poll-interval', POLL_INTERVAL],
  });
  await setUp(stage);
  await rollOut(stage, await release(stage, application, FIRST, 'first release'));
  await enrol(stage);
  await stage.startAgent();
  await terminal.run(['fairlead', 'channel', 'set', 'auto', '--reason', 'let updates come']);
  await expectDeployed(stage, stage.edition.editor, FIRST);
  return stage;
}

async function updateToMissingProgram(stage: Stage): Promise<{ asked: number; failed: number }> {
  const url = application.url(stage.ports.editor);
  const change = await release(stage, application, UNSTARTABLE, 'needs a program');
  const counts = { asked: 0, failed: 0 };
  let isOver = false;
  const asking = (async () => {
    for (; !isOver; await delay(ASK_EVERY_MS)) {
      counts.asked++;
      if ((await readUrl(url)) === null) counts.failed++;
    }
  })();
  await rollOut(stage, change);
  await checkNow(stage);
  await stage.terminal.wait('the update is refused', async () => {
    const records = await stage.changes();
    const isTried = records.some(({ state, steps }) => state === 'abandoned' && steps[0]?.to === UNSTARTABLE);
    return isTried ? true : null;
  });
  isOver = true;
  await asking;
  return counts;
}

/** Milliseconds from the order to the answer. */
async function force(stage: Stage, order: number): Promise<number> {
  const { component } = application;
  const fixed = `1.0.${order}`;
  await release(stage, application, fixed, 'closes a hole');
  const id = `FL-2026-${String(order).padStart(4, '0')}`;
  const deadline = formatInstant(Date.now() + DAY_MS);
  const start = performance.now();
  await stage.terminal.run([
    ...['fairlead-vendor', 'advisory', 'publish', '--id', id, '--title', 'a hole', '--severity', 'critical'],
    ...['--deadline', deadline, '--affected', `${component}:<${fixed}`, '--fixed', `${component}@${fixed}`],
  ]);
  await stage.terminal.wait('the fixed version answers', async () => {
    const answer = await readUrl(application.url(stage.ports.editor));
    return answer === application.expected(fixed) ? true : null;
  });
  return performance.now() - start;
}
