// A whole machine under a confined agent: its power goes in the middle of a deployment and of a trial of the agent, it is shut down and booted, and its agent is taken away.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { installAgent } from '../../agent/adapters/machine/agent-service.ts';
import { createAgentSlots } from '../../agent/adapters/machine/agent-slots.ts';
import { AGENT_UNIT } from '../../agent/adapters/machine/agent-unit.ts';
import { installSlot } from '../../agent/adapters/machine/install-slot.ts';
import type { Application } from '../labs/demo/applications.ts';
import { endProcessesOf } from '../labs/demo/leftovers.ts';
import { createOfflineEdition } from '../labs/demo/offline-edition.ts';
import { suiteNamed } from '../labs/faults/suites.ts';
import { type Earlier, openEarlier, releaseAnew, unpackInto, until } from '../support/earlier-install.ts';
import { freePort } from '../support/free-port.ts';
import { enrolmentFor } from '../support/installed-story.ts';
import { createMachine, losePower } from '../support/whole-machine.ts';

/** The confined agent has a /tmp of its own: a checkout there is to be found in /srv too. */
const ROOT = new URL('../..', import.meta.url).pathname;
const inService = (path: string) => path.replace(ROOT, '/srv/checkout/');
const CLI = inService(join(ROOT, 'agent/cli/main.ts'));
const NODE = inService(process.execPath);
const DIRECTORY = '/srv/earlier';
const STATE = join(DIRECTORY, 'installed');
const SOURCE = join(DIRECTORY, 'fairlead');
const ADDITIONS = `/etc/systemd/system/${AGENT_UNIT}.d`;
const AGENT = 'tools/agent';
const PATIENCE_MS = 300_000;
const { editor } = createOfflineEdition();

/** Until it is there, whatever is new is tested. */
const GO_ON = '/srv/go-on';
const goOn = () => writeFileSync(GO_ON, '');
const wait = () => rmSync(GO_ON);

/** Run by systemd, and tested for as long as it takes to lose one's power. */
const product: Application = {
  ...editor,
  prepare: async (version, directory) => {
    const { directory: tree, manifest } = await editor.prepare(version, directory);
    const { service, smoke, ...rest } = manifest as unknown as {
      service: object;
      smoke: readonly object[];
    };
    const word = `until [ -e ${GO_ON} ]; do sleep 0.2; done`;
    const slowly = [{ exec: ['sh', '-c', word], timeout: 'PT10M' }, ...smoke];
    return {
      directory: tree,
      manifest: { ...rest, service: { ...service, driver: 'systemd' }, smoke: slowly },
    };
  },
};

/** The agent of this checkout, which says that it is another version; one that is new is slow to begin. */
function writeAgent(path: string, version: string, pause: string): void {
  const lines = [
    '#!/bin/sh',
    `[ "$1" = --version ] && { echo ${version}; exit; }`,
    pause,
    `exec ${NODE} ${CLI} "$@"`,
  ];
  writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o755 });
}

const newAgent = {
  component: AGENT,
  prepare: async (version: string, directory: string) => {
    const tree = join(directory, `agent-${version}`);
    mkdirSync(tree, { recursive: true });
    writeAgent(join(tree, 'fairlead'), version, 'sleep 4');
    return {
      directory: tree,
      manifest: { service: { driver: 'agent', exec: ['./fairlead'] }, reversible: 'yes' },
    };
  },
} as unknown as Application;

const ENDS = ['committed', 'rolled-back', 'abandoned', 'inconsistent'];

/** As the record on the disk says, without asking anybody. */
function stateOf(change: number): string {
  const path = join(STATE, `records/${change}.json`);
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).state : 'none';
}

const reaches = (change: number, ...states: readonly string[]) =>
  until(async () => (states.includes(stateOf(change)) ? stateOf(change) : null));

const serve = (earlier: Earlier) =>
  earlier.start('fairlead-server', 'run', '--dir', 'server', '--port', earlier.port);

async function isWhole(earlier: Earlier, version: string): Promise<void> {
  const port = JSON.parse(readFileSync(join(STATE, 'instance.json'), 'utf8')).suites.tools.capabilities[
    'notes-editor'
  ].settings.port;
  expect(await (await fetch(product.url(port))).text()).toContain(product.expected(version));
  await earlier.run('fairlead', 'verify');
  await earlier.run('fairlead', 'audit', 'verify');
}

const PHASES: Readonly<Record<string, () => Promise<void>>> = {
  'an update begins': async () => {
    mkdirSync(DIRECTORY);
    goOn();
    const earlier = (await unpackInto(DIRECTORY)).withState('installed');
    serve(earlier);
    mkdirSync(STATE, { mode: 0o700 });
    const capabilities = {
      'notes-editor': { settings: { port: await freePort() } },
      'file-registry': { enabled: false },
      agent: {},
    };
    const instance = { schema: 'fairlead/instance@1', suites: { tools: { capabilities } } };
    writeFileSync(join(STATE, 'instance.json'), JSON.stringify(instance));
    const settings = readFileSync(join(DIRECTORY, 'agent/settings.json'), 'utf8');
    writeFileSync(join(STATE, 'settings.json'), settings.replace('"PT5M"', '"PT1S"'));
    await until(() => releaseAnew(earlier, product, '1.3.8').then(() => true));
    await earlier.run('fairlead', 'agent', 'enroll', '--file', await enrolmentFor(earlier));
    mkdirSync(ADDITIONS, { recursive: true });
    const surroundings = `Environment=PATH=${dirname(NODE)}:/usr/bin:/bin`;
    writeFileSync(join(ADDITIONS, 'test.conf'), `[Service]\n${surroundings}\n`);
    writeAgent(SOURCE, '1.0.0', '');
    await installSlot({ stateDir: STATE, source: SOURCE, version: '1.0.0' });
    await installed();
    await reaches(1, ...ENDS);
    await isWhole(earlier, '1.3.8');

    wait();
    await releaseAnew(earlier, product, '1.3.9');
    await reaches(2, 'verifying');
    await losePower();
  },
  'a new agent is on trial': async () => {
    const earlier = openEarlier(DIRECTORY).withState('installed');
    goOn();
    // Nobody but the disk has told the agent what to do.
    expect(await reaches(2, ...ENDS)).toBe('committed');
    await isWhole(earlier, '1.3.9');

    serve(earlier);
    await until(() => releaseAnew(earlier, newAgent, '2.0.0').then(() => true));
    await until(async () => ((await slots.read()).wayBack === null ? null : true));
    await losePower();
  },
  'it has proved itself': async () => {
    const earlier = openEarlier(DIRECTORY).withState('installed');
    serve(earlier);
    expect(await reaches(3, ...ENDS)).toBe('committed');
    await until(async () => ((await slots.read()).trial === null ? true : null));
    expect(await slots.read()).toMatchObject({ current: 'b', wayBack: null });
    await isWhole(earlier, '1.3.9');

    wait();
    await releaseAnew(earlier, product, '1.4.0');
    await reaches(4, 'verifying');
    const refused = await refusal('agent', 'uninstall');
    await installed();
    goOn();
    expect(refused).toMatchObject({ code: 'service/deployment-under-way' });
    expect(await reaches(4, ...ENDS)).toBe('committed');
  },
  'its agent goes': async () => {
    const earlier = openEarlier(DIRECTORY).withState('installed');
    // After a shutdown in good order too nobody but the disk says what runs.
    await until(() => isWhole(earlier, '1.4.0').then(() => true));

    await earlier.run('fairlead', 'agent', 'uninstall');

    expect(existsSync(`/etc/systemd/system/${AGENT_UNIT}`)).toBe(false);
  },
};

const slots = createAgentSlots(STATE);

/** What `fairlead` says to one it refuses. */
async function refusal(...words: readonly string[]): Promise<object> {
  const asked = openEarlier(DIRECTORY)
    .withState('installed')
    .run('fairlead', ...words, '--json');
  return await asked.then(expect.fail, (error: { stdout: string }) => JSON.parse(error.stdout).error);
}

const installed = () =>
  installAgent(
    { program: [SOURCE], stateDir: STATE, drivers: ['systemd', 'compose'], slots: true },
    async () => true,
  );

const phase = process.env.FAIRLEAD_PHASE;

if (phase !== undefined)
  it(phase, { timeout: PATIENCE_MS }, async () => {
    // What still runs would keep this from ending.
    onTestFinished(async () => void (await endProcessesOf(DIRECTORY)));
    await (PHASES[phase] ?? expect.fail)();
  });
else
  it('comes up with what was begun, after each power cut and each boot', {
    timeout: 4 * PATIENCE_MS,
  }, async ({ skip }) => {
    const missing = await suiteNamed('power').missing();
    if (missing !== null) skip(missing);
    const machine = await createMachine(import.meta.filename, skip);

    const ends = [];
    for (const each of Object.keys(PHASES)) ends.push(await machine.boot(each));

    expect(ends).toEqual(['cut', 'cut', 'ended', 'ended']);
  });
