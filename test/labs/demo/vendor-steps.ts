// The vendor's side of the story: the commands a release manager types for one release.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { changeReply } from '../../../shared/protocol/fleet.ts';
import type { Application, PreparedVersion } from './applications.ts';
import type { Stage } from './stage.ts';

const INSTALL_PATIENCE_MS = 15 * 60_000;

/** Stages one to four: Change Intake, Build, Verification, Release. Answers the change's id. */
export async function release(
  stage: Stage,
  application: Application,
  version: string,
  scope: string,
): Promise<string> {
  const { terminal } = stage;
  const { component } = application;
  const release = `${component}@${version}`;
  const { directory, manifest } = await awaitPrepared(stage, application, version);
  const manifestFile = join(stage.directory, 'apps', `${component.replace('/', '-')}-${version}.json`);
  await mkdir(join(stage.directory, 'apps'), { recursive: true });
  await writeFile(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`);

  const about = ['--component', component, '--version', version];
  const why = ['--revision', `npm:${release.split('/')[1]}`, '--scope', scope];
  const opened = await terminal.run(['fairlead-vendor', 'change', 'open', ...about, ...why]);
  const change = /CHG-\d+/.exec(opened)?.[0] ?? '';
  terminal.check(`${release} has a change of its own: ${change}`, change !== '');
  const from = ['--change', change, '--from', directory, '--manifest', manifestFile];
  await terminal.run(['fairlead-vendor', 'build', release, ...from]);
  await terminal.run(['fairlead-vendor', 'verify', change]);
  await terminal.run(['fairlead-vendor', 'release', change]);
  return change;
}

function awaitPrepared(stage: Stage, application: Application, version: string): Promise<PreparedVersion> {
  const prepared = stage.prepared(application, version);
  return stage.terminal.wait(
    `${application.component} ${version} is put together`,
    () => Promise.race([prepared, delay(100, null, { ref: false })]),
    INSTALL_PATIENCE_MS,
  );
}

/** Stage five: offers a release to every instance on the track. */
export async function rollOut(stage: Stage, change: string): Promise<void> {
  const offer = ['--track', 'stable', '--waves', '100%'];
  await stage.terminal.run(['fairlead-vendor', 'rollout', 'start', change, ...offer]);
}

/** Stages six and seven, once the agents' reports have arrived. */
export async function complete(stage: Stage, change: string): Promise<void> {
  const { terminal } = stage;
  await waitForReport(stage, change, 'committed');
  const answer = await terminal.run(['fairlead-vendor', 'change', 'complete', change]);
  terminal.check(`${change} is completed`, answer.includes('ended: completed'), answer);
}

/** Waits until the server has an agent's report that a deployment of this change ended so. */
export async function waitForReport(
  stage: Stage,
  change: string,
  outcome: 'committed' | 'rolledBack',
): Promise<void> {
  await stage.terminal.wait(
    `the server has the agent's report about ${change}`,
    async () => {
      const answer = changeReply.safeParse(await stage.readServer(`/api/v1/changes/${change}`));
      return answer.success && answer.data.counts[outcome] > 0 ? true : null;
    },
    180_000,
  );
}
