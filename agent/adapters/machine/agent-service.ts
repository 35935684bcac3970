// The agent as a service of this machine: every file and command that installs it, and those that remove it.
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { shellWord } from '../../../shared/errors/entry.ts';
import { ownExecutable, ownProgram } from '../../../shared/node/own-parts.ts';
import { readTextIfPresent } from '../../../shared/node/read-file.ts';
import { UNIT_DIRECTORY, untilUp } from '../../../shared/node/service/manager.ts';
import { verifyOnlyRootWrites, verifyPrivate } from '../../../shared/node/service/safe-path.ts';
import { applySteps, command, file, remove, type Step } from '../../../shared/node/service/steps.ts';
import { startWords, withoutSpecifiers } from '../../../shared/node/service/unit.ts';
import type { DriverName } from '../../ports/deploy.ts';
import { showUnit } from '../drivers/systemd/systemctl.ts';
import { ADMIN_GROUP } from '../state/state-directory.ts';
import { slotsDirectoryOf } from './agent-slots.ts';
import { AGENT_UNIT, type AgentUnitOptions, driversIn, renderAgentUnit } from './agent-unit.ts';
import { isInSlots, keepsPorts } from './install-slot.ts';

const UNIT_FILE = join(UNIT_DIRECTORY, AGENT_UNIT);
const SYSUSERS_FILE = '/etc/sysusers.d/fairlead.conf';
const COMPLETION_FILE = '/usr/local/share/bash-completion/completions/fairlead';
const MOTD_DIRECTORY = '/etc/update-motd.d';
const MOTD_FILE = join(MOTD_DIRECTORY, '60-fairlead');
const FILES = [MOTD_FILE, COMPLETION_FILE, SYSUSERS_FILE];

/** A machine that is slow and has much else to do, in the middle of a boot. */
const PATIENCE_MS = 120_000;

/** The service that this very program makes of itself: an executable is started from its slot. */
export function ownService(
  stateDir: string,
  drivers: readonly DriverName[] | null,
  isExecutable = ownExecutable() !== null,
): AgentUnitOptions {
  const program = ownProgram('agent/cli/main.ts');
  return { program, stateDir: resolve(stateDir), drivers, slots: isExecutable };
}

/** `hasMotd` is whether this system runs programs for its message of the day. */
export function installSteps(
  options: AgentUnitOptions,
  hasMotd = existsSync(MOTD_DIRECTORY),
): readonly Step[] {
  const words = options.program.map(shellWord).join(' ');
  return [
    file(
      SYSUSERS_FILE,
      `# Written by fairlead agent install: its members decide here.\ng ${ADMIN_GROUP} -\n`,
    ),
    command('systemd-sysusers', SYSUSERS_FILE),
    file(COMPLETION_FILE, `# Written by fairlead agent install.\nsource <(${words} completion bash)\n`),
    ...(hasMotd ? [file(MOTD_FILE, renderMotd(words, options.stateDir), 0o755)] : []),
    file(UNIT_FILE, renderAgentUnit(options)),
    command('systemctl', 'daemon-reload'),
    command('systemctl', 'enable', AGENT_UNIT),
    // No service of the product ends with the agent, and none waits for it.
    command('systemctl', 'restart', '--no-block', AGENT_UNIT),
  ];
}

export function uninstallSteps(stateDir: string, isInstalled = existsSync(UNIT_FILE)): readonly Step[] {
  const hasSlots = isInSlots(stateDir) && !keepsPorts(stateDir);
  return [
    ...(isInstalled ? [command('systemctl', 'disable', '--now', AGENT_UNIT)] : []),
    ...[...FILES, UNIT_FILE].map(remove),
    // The manager keeps it for a unit that was about to be started again.
    command('rm', '-rf', '/run/fairlead'),
    ...(hasSlots ? [command('rm', '-rf', slotsDirectoryOf(stateDir))] : []),
    command('systemctl', 'daemon-reload'),
  ];
}

/** What an earlier installation was given: typed once, it holds for those after it. */
export async function installedDrivers(): Promise<readonly DriverName[] | null> {
  const unit = await readTextIfPresent(UNIT_FILE);
  return unit === null ? null : driversIn(unit);
}

/** Null where no agent is installed as a service. */
export async function installedStateDir(): Promise<string | null> {
  const words = startWords((await readTextIfPresent(UNIT_FILE)) ?? '') ?? [];
  const at = words.indexOf('--state-dir');
  return at < 0 ? null : withoutSpecifiers(words[at + 1] ?? '');
}

/** Whoever may write what runs as root, or what it believes, is root. Errors: service/unsafe-path, file/missing, disk/*. */
export async function verifySafe({ program, stateDir }: AgentUnitOptions): Promise<void> {
  for (const word of program.filter(isAbsolute)) await verifyOnlyRootWrites(word);
  if (existsSync(stateDir)) await verifyPrivate(stateDir);
}

/** Starts the agent now and at every boot; may be repeated. Answers with the files that changed. Errors: service/*, disk/*. */
export async function installAgent(
  options: AgentUnitOptions,
  answers: () => Promise<boolean>,
): Promise<readonly string[]> {
  const changed = await applySteps(installSteps(options));
  await untilUp({ unit: AGENT_UNIT, answers, patienceMs: PATIENCE_MS });
  return changed;
}

/** The manager runs it, or is about to start it again. */
export async function isAgentWanted(): Promise<boolean> {
  return existsSync(UNIT_FILE) && ['active', 'activating'].includes((await showUnit(AGENT_UNIT)).active);
}

/** Until `startAgent`, or the next boot. Errors: service/manager-failed. */
export async function stopAgent(): Promise<void> {
  if (existsSync(UNIT_FILE)) await applySteps([command('systemctl', 'stop', AGENT_UNIT)]);
}

export async function startAgent(): Promise<void> {
  await applySteps([command('systemctl', 'start', '--no-block', AGENT_UNIT)]);
}

/** Its state and the services it started stay. May be repeated. Errors: service/manager-failed, disk/*. */
export async function uninstallAgent(stateDir: string): Promise<void> {
  await applySteps(uninstallSteps(stateDir));
}

/** Says nothing where nobody is needed, and keeps no login waiting. */
function renderMotd(program: string, stateDir: string): string {
  return `#!/bin/sh
# Written by fairlead agent install: one line at login when a person is needed.
timeout 5 ${program} status --brief --state-dir ${shellWord(stateDir)} 2>/dev/null
exit 0
`;
}
