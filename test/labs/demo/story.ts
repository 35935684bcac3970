// The story, chapter by chapter: publish, deploy, stay frozen, be forced, update, fail and come back.
import { formatInstant } from '../../../shared/encoding/instant.ts';
import type { DeploymentRecord } from '../../../shared/schema/deployment.ts';
import { checkNow, enrol, expectAnswer, expectDeployed, expectEnd, processOf } from './agent-steps.ts';
import { exportLine } from './guide.ts';
import type { Stage } from './stage.ts';
import { quote } from './terminal.ts';
import { complete, release, rollOut, waitForReport } from './vendor-steps.ts';

const HOUR_MS = 3_600_000;
const ADVISORY = 'FL-2021-0001';

export async function setUp(stage: Stage): Promise<void> {
  const { terminal, directory } = stage;
  terminal.chapter('A vendor sets up: release server, keys, an empty signed repository');
  terminal.say(`$ cd ${quote(directory)}`);
  terminal.say(`$ ${exportLine('"$PWD"')}`);
  const url = `http://127.0.0.1:${stage.ports.server}`;
  await terminal.run(['fairlead-server', 'init', '--dir', 'server']);
  await stage.startServer();
  const token = ['--token-file', 'server/publisher.token'];
  await terminal.run(['fairlead-vendor', 'init', '--server', url, ...token]);
}

export async function deployFirstReleases(stage: Stage): Promise<void> {
  const { terminal, edition } = stage;
  const { editor, registry } = edition;
  terminal.chapter(
    `Seven stages for ${editor.component} ${editor.vulnerable}, and a customer on channel auto`,
  );
  const change = await release(stage, editor, editor.vulnerable, 'first release');
  await rollOut(stage, change);
  await enrol(stage);
  await stage.startAgent();
  await terminal.run(['fairlead', 'channel', 'set', 'auto', '--reason', 'let updates come']);
  await expectDeployed(stage, editor, editor.vulnerable);
  await terminal.run(['fairlead-vendor', 'rollout', 'status', change]);
  await complete(stage, change);
  await terminal.run(['fairlead-vendor', 'change', 'show', change]);

  terminal.chapter(`A second capability: ${registry.component} ${registry.first}`);
  const second = await release(stage, registry, registry.first, 'first release');
  await rollOut(stage, second);
  const before = await processOf(stage, editor);
  await expectDeployed(stage, registry, registry.first);
  terminal.check(`${editor.component} was not touched`, (await processOf(stage, editor)) === before);
  await complete(stage, second);
}

export async function stayFrozen(stage: Stage): Promise<string> {
  const { terminal, edition } = stage;
  const { editor } = edition;
  terminal.chapter(`The customer freezes; the vendor publishes ${editor.component} ${editor.ordinary}`);
  await terminal.run(['fairlead', 'channel', 'set', 'frozen', '--reason', 'end of the business year']);
  const change = await release(stage, editor, editor.ordinary, 'new features');
  await rollOut(stage, change);
  const explained = await checkNow(stage);
  terminal.check('the explanation names the frozen channel', explained.includes('frozen'));
  await expectAnswer(stage, editor, editor.vulnerable);
  return change;
}

export async function beForced(stage: Stage): Promise<void> {
  const { terminal, edition } = stage;
  const { editor, registry } = edition;
  terminal.chapter(
    `A critical advisory: ${editor.component} moves ${editor.vulnerable} → ${editor.fixed} although frozen`,
  );
  const change = await release(stage, editor, editor.fixed, 'closes CVE-2021-21297');
  const untouched = await processOf(stage, registry);
  await publishAdvisory(stage);
  const record = await expectDeployed(stage, editor, editor.fixed);
  terminal.check(
    `the record says that ${ADVISORY} forced it`,
    JSON.stringify(record.reason).includes(ADVISORY),
  );
  terminal.check('nothing else moved', record.steps.length === 1, JSON.stringify(record.steps));
  terminal.check(`${registry.component} was not restarted`, (await processOf(stage, registry)) === untouched);
  await terminal.run(['fairlead', 'status']);
  await complete(stage, change);
}

async function publishAdvisory({ terminal, edition }: Stage): Promise<void> {
  const { component, fixed } = edition.editor;
  const deadline = formatInstant(Date.now() + 24 * HOUR_MS);
  const about = ['--id', ADVISORY, '--cve', 'CVE-2021-21297', '--title', 'Prototype pollution in the editor'];
  const order = ['--severity', 'critical', '--deadline', deadline];
  const versions = ['--affected', `${component}:<1.2.8`, '--fixed', `${component}@${fixed}`];
  await terminal.run(['fairlead-vendor', 'advisory', 'publish', ...about, ...order, ...versions]);
}

export async function updateAgain(stage: Stage, frozenChange: string): Promise<void> {
  const { terminal, edition } = stage;
  const { editor, registry } = edition;
  terminal.chapter(
    `Back on auto: the waiting release, then ${registry.component} ${registry.first} → ${registry.second}`,
  );
  await terminal.run(['fairlead', 'channel', 'set', 'auto', '--reason', 'the business year is closed']);
  await expectDeployed(stage, editor, editor.ordinary);
  await complete(stage, frozenChange);
  const change = await release(stage, registry, registry.second, 'new major version');
  await rollOut(stage, change);
  await expectDeployed(stage, registry, registry.second);
  await complete(stage, change);
}

export async function failAndComeBack(stage: Stage): Promise<void> {
  const { terminal, edition } = stage;
  const { registry } = edition;
  terminal.chapter(
    `${registry.component} ${registry.broken} cannot become healthy; the vendor's server is away`,
  );
  terminal.say(`# this demo sabotages ${registry.component} ${registry.broken} itself: ${registry.sabotage}`);
  const change = await release(stage, registry, registry.broken, 'maintenance');
  await rollOut(stage, change);
  await checkNow(stage);
  await terminal.wait('the new version is being started', async () => {
    const attempts = (await stage.changes()).filter((record) => isMoveTo(record, registry.broken));
    const states = attempts.flatMap(({ stages }) => stages.map(({ state }) => state));
    return states.includes('starting') ? true : null;
  });
  await stage.stopServer();
  terminal.say('# the release server is stopped: what follows needs no network');
  const record = await expectEnd(stage, registry, registry.broken);
  terminal.check('it was rolled back', record.state === 'rolled-back', record.state);
  await expectAnswer(stage, registry, registry.second);
  await stage.startServer();
  await checkNow(stage);
  await expectQuarantine(stage, registry.broken);
  await terminal.run(['fairlead', 'changes']);
  await waitForReport(stage, change, 'rolledBack');
  const ended = await terminal.run(['fairlead-vendor', 'change', 'complete', change]);
  terminal.check(`${change} has ended: rolled back, and offered to nobody`, ended.includes('rolled-back'));
  await terminal.run(['fairlead-vendor', 'trace', change]);
}

async function expectQuarantine(stage: Stage, version: string): Promise<void> {
  const { quarantine } = await stage.status();
  stage.terminal.check(
    'the broken release is in quarantine',
    quarantine.some((entry) => entry.version === version),
  );
  const attempts = (await stage.changes()).filter(
    (record) => isMoveTo(record, version) && record.state !== 'abandoned',
  );
  stage.terminal.check('it is not tried again', attempts.length === 1, `${attempts.length} attempts`);
}

/** What a careful admin does last: prove that what runs is what was signed. */
export async function proveIt(stage: Stage): Promise<void> {
  stage.terminal.chapter('Proof');
  await stage.terminal.run(['fairlead', 'verify']);
  await stage.terminal.run(['fairlead', 'status']);
}

function isMoveTo({ steps }: DeploymentRecord, version: string): boolean {
  return steps.some((step) => step.to === version);
}
