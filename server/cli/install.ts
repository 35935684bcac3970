// `fairlead-server install` and `uninstall`: a release server as a service of this machine.
import { existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { EXIT, shellWord } from '../../shared/errors/entry.ts';
import { ownProgram } from '../../shared/node/own-parts.ts';
import { readTextIfPresent } from '../../shared/node/read-file.ts';
import { UNIT_DIRECTORY, untilUp, verifyMachine } from '../../shared/node/service/manager.ts';
import { verifyOnlyRootWrites } from '../../shared/node/service/safe-path.ts';
import {
  applySteps,
  command,
  describeSteps,
  file,
  remove,
  type Step,
} from '../../shared/node/service/steps.ts';
import { quote } from '../../shared/node/service/unit.ts';
import { findHome, type OnDirectory, verifyPlace } from './home.ts';
import { type CliContext, print } from './options.ts';
import { RUN_OPTIONS } from './run-options.ts';
import {
  readServerUnit,
  renderServerUnit,
  SERVER_ACCOUNT,
  SERVER_UNIT,
  type ServerUnitOptions,
  typedOptions,
} from './unit.ts';

const UNIT_FILE = join(UNIT_DIRECTORY, SERVER_UNIT);
const SYSUSERS_FILE = '/etc/sysusers.d/fairlead-server.conf';
/** A database that answers late, migrations of a large one. */
const PATIENCE_MS = 600_000;

interface InstallSettings extends OnDirectory {
  readonly dryRun?: boolean;
  readonly tlsCert?: string;
}

/** Takes every option of `run`; may be repeated. Errors: server/*, service/*, disk/*. */
export async function install(context: CliContext, settings: InstallSettings): Promise<number> {
  const dir = resolve(settings.dir);
  const options = typedOptions(RUN_OPTIONS, { ...settings, dir: undefined });
  const unit = { program: ownProgram('server/main.ts'), dir, options };
  const steps = installSteps(unit, isRoots(dir));
  if (settings.dryRun === true) return dryRun(steps);
  await verifySafe(unit);
  await verifyPlace(await findHome(settings, context), false);
  await put(steps);
  if (settings.tlsCert !== undefined) {
    print(
      `a renewed certificate is taken at a start; what renews it then does: systemctl restart ${SERVER_UNIT}`,
    );
  }
  return EXIT.ok;
}

/** As its unit says that it runs, from this program; nothing where there is none. Errors: service/*, disk/*. */
export async function reinstall(): Promise<number> {
  const installed = readServerUnit((await readTextIfPresent(UNIT_FILE)) ?? '', RUN_OPTIONS);
  if (installed === null) {
    print('fairlead-server install made no service of this machine, so there is nothing to install again');
    return EXIT.ok;
  }
  const unit = { program: ownProgram('server/main.ts'), ...installed };
  await verifySafe(unit);
  await put(installSteps(unit, isRoots(unit.dir)));
  return EXIT.ok;
}

async function verifySafe({ program, dir }: ServerUnitOptions): Promise<void> {
  verifyMachine([...program, 'run', '--dir', dir].map(shellWord).join(' '));
  for (const path of [...program.filter(isAbsolute), dirname(dir)]) await verifyOnlyRootWrites(path);
}

async function put(steps: readonly Step[]): Promise<void> {
  for (const path of await applySteps(steps)) print(`wrote ${path}`);
  // It says so itself, once it listens.
  await untilUp({ unit: SERVER_UNIT, answers: async () => true, patienceMs: PATIENCE_MS });
  print(`${SERVER_UNIT} is active, as the account ${SERVER_ACCOUNT}; it starts at every boot`);
}

/** What root made by `init` becomes the account's; what the account has made is left alone, links and all. */
export function installSteps(unit: ServerUnitOptions, isDirectoryRoots: boolean): readonly Step[] {
  const account = `u ${SERVER_ACCOUNT} - "Fairlead release server" ${quote(unit.dir)} /usr/sbin/nologin`;
  return [
    file(SYSUSERS_FILE, `# Written by fairlead-server install.\n${account}\n`),
    command('systemd-sysusers', SYSUSERS_FILE),
    ...(isDirectoryRoots ? [command('chown', '-hR', `${SERVER_ACCOUNT}:${SERVER_ACCOUNT}`, unit.dir)] : []),
    file(UNIT_FILE, renderServerUnit(unit)),
    command('systemctl', 'daemon-reload'),
    command('systemctl', 'enable', SERVER_UNIT),
    command('systemctl', 'restart', '--no-block', SERVER_UNIT),
  ];
}

function isRoots(dir: string): boolean {
  return !existsSync(dir) || statSync(dir).uid === 0;
}

/** The directory and the account stay. Errors: service/*, disk/*. */
export async function uninstall(
  _context: CliContext,
  { dryRun: isDry }: Pick<InstallSettings, 'dryRun'>,
): Promise<number> {
  const steps = [
    ...(existsSync(UNIT_FILE) ? [command('systemctl', 'disable', '--now', SERVER_UNIT)] : []),
    ...[SYSUSERS_FILE, UNIT_FILE].map(remove),
    command('systemctl', 'daemon-reload'),
  ];
  if (isDry === true) return dryRun(steps);
  verifyMachine('kill the program');
  await applySteps(steps);
  print(
    `${SERVER_UNIT} is removed; its directory and the account ${SERVER_ACCOUNT}, whose files they are, stay`,
  );
  print(`agents go on with what they have; without the account: userdel ${SERVER_ACCOUNT}`);
  return EXIT.ok;
}

function dryRun(steps: readonly Step[]): number {
  for (const line of [...describeSteps(steps), 'nothing of this was done']) print(line);
  return EXIT.ok;
}
