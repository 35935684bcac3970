// The vendor's side of the story: the commands a release manager types for one release.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Application } from './applications.ts';
import type { Stage } from './stage.ts';

/** Stages one to four: Change Intake, Build, Verification, Release. Answers the change's id. */
export async function release(
  stage: Stage,
  application: Application,
  version: string,
  scope: string,
): Promise<string> {
  const { terminal } = stage;
  const release = `${application.component}@${version}`;
  const { directory, manifest } = await stage.prepared(application, version);
  const manifestFile = join(
    stage.directory,
    'apps',
    `${application.component.replace('/', '-')}-${version}.json`,
  );
  await writeFile(manifestFile, `${JSON.stringify(manifest, null, 2)}\n`);

  const revision = `npm:${release.split('/')[1]}`;
  const what = ['--component', application.component, '--version', version];
  const opened = await terminal.run([
    'fairlead-vendor',
    'change',
    'open',
    ...what,
    '--revision',
    revision,
    '--scope',
    scope,
  ]);
  const change = /CHG-\d+/.exec(opened)?.[0] ?? '';
  terminal.check(`${release} has a change of its own`, change !== '');
  const from = ['--from', directory, '--manifest', manifestFile];
  await terminal.run(['fairlead-vendor', 'build', release, ...from, '--change', change]);
  await terminal.run(['fairlead-vendor', 'verify', change]);
  await terminal.run(['fairlead-vendor', 'release', change]);
  return change;
}

/** Stage five: offers a release to every instance on the track. */
export async function rollOut(stage: Stage, change: string): Promise<void> {
  await stage.terminal.run([
    'fairlead-vendor',
    'rollout',
    'start',
    change,
    '--track',
    'stable',
    '--waves',
    '100%',
  ]);
}

/** Stages six and seven, once the agents' reports have arrived. */
export async function complete(stage: Stage, change: string): Promise<void> {
  await waitForReport(stage, change, 'committed');
  await stage.terminal.run(['fairlead-vendor', 'rollout', 'status', change]);
  await stage.terminal.run(['fairlead-vendor', 'change', 'complete', change]);
}

/** Waits until the server has an agent's report that a deployment of this change ended so. */
export async function waitForReport(
  stage: Stage,
  change: string,
  outcome: 'committed' | 'rolledBack',
): Promise<void> {
  await stage.terminal.wait(`the agent's report about ${change} has arrived`, async () => {
    const argv = ['fairlead-vendor', 'rollout', 'status', change, '--json'];
    const status = JSON.parse(await stage.terminal.run(argv, { quiet: true }));
    return status.counts[outcome] > 0 ? true : null;
  });
}
