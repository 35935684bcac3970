// The unit file of a service and its environment file, as text: every value means in systemd exactly what it meant to us.

import type { Dirent } from 'node:fs';
import { readdir, rm, rmdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { FairleadError } from '../../../../shared/errors/error.ts';
import { makeDirectory } from '../../../../shared/node/durable-file.ts';
import { escapeSpecifiers, isPlainPath, quote } from '../../../../shared/node/service/unit.ts';
import type { ComponentKey } from '../../../../shared/schema/common.ts';
import type { ProgramUnit } from '../../../ports/deploy.ts';

/** A dot between suite and capability: neither name holds one, so no two components share a unit. */
export function unitNameOf(component: ComponentKey): string {
  return `fairlead-${component.replace('/', '.')}.service`;
}

/** `program` is the absolute path behind the first word of the unit's command. Error: service/start-failed. */
export function renderUnitFile(unit: ProgramUnit, program: string, environmentFile: string): string {
  refuseUnwritable(unit, program, environmentFile);
  const { writable = [] } = unit;
  const command = [program, ...unit.exec.slice(1)].map(quote).join(' ');
  return `# Written by the Fairlead agent, which replaces it at every change. To add to it: systemctl edit ${unitNameOf(unit.component)}
[Unit]
Description=Fairlead ${unit.component}
StartLimitIntervalSec=300
StartLimitBurst=5

[X-Fairlead]
Identity=${unit.identity}

[Service]
Type=exec
ExecStart=:${command}
${unit.user === null ? '' : `User=${unit.user}\n`}WorkingDirectory=${escapeSpecifiers(unit.workingDirectory)}
EnvironmentFile=${escapeSpecifiers(environmentFile)}
Restart=always
RestartSec=5
KillMode=control-group
TimeoutStopSec=${unit.stopTimeoutMs}ms
UMask=0077
NoNewPrivileges=yes
PrivateTmp=${liesInTmp(unit, program) ? 'no' : 'yes'}
ProtectSystem=full
ProtectControlGroups=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictSUIDSGID=yes
ReadOnlyPaths=${quote(unit.workingDirectory)}
${writable.length === 0 ? '' : `ReadWritePaths=${writable.map(quote).join(' ')}\n`}`;
}

/** A `/tmp` of its own would hide the service from itself. */
function liesInTmp({ workingDirectory }: ProgramUnit, program: string): boolean {
  return [program, workingDirectory].some((path) => /^\/(?:var\/)?tmp\//.test(path));
}

/** The identity of the unit that a unit file was rendered from, or null. */
export function identityIn(unitFile: string): string | null {
  return /^Identity=(.*)$/m.exec(unitFile)?.[1] ?? null;
}

/** Kept apart from the unit, which every account may read. Line breaks may stand in a quoted value. */
export function renderEnvironmentFile(env: Readonly<Record<string, string>>): string {
  const lines = Object.entries(env).map(
    ([name, value]) => `${name}="${value.replace(/["\\`$]/g, '\\$&')}"\n`,
  );
  return lines.join('');
}

// systemd takes no NUL and none of the code points that Unicode keeps from text.
function refuseUnwritable(unit: ProgramUnit, program: string, environmentFile: string): void {
  const refuse = (problem: string) => {
    throw new FairleadError('service/start-failed', { component: unit.component, problem });
  };
  if ([...unit.exec, ...Object.values(unit.env)].some((text) => /[\0\p{NChar}]/u.test(text))) {
    refuse('a word of its command or environment holds a character that is no text');
  }
  for (const path of [program, unit.workingDirectory, environmentFile, ...(unit.writable ?? [])]) {
    if (!isPlainPath(path)) {
      refuse(`systemd takes no path with quotes, backslashes or control characters: ${JSON.stringify(path)}`);
    }
  }
}

/**
 * Both are drop-in directories, side by side, and need not be there. systemd follows a link to a file, but none to a
 * directory. A name that the operator used in both means what each of them says.
 */
export async function shareAdditions(from: string, to: string): Promise<void> {
  await forgetShared(to);
  const own = new Set((await entriesOf(to)).map(({ name }) => name));
  const files = (await entriesOf(from)).filter((one) => one.isFile() && one.name.endsWith('.conf'));
  const missing = files.filter(({ name }) => !own.has(name));
  if (missing.length > 0) await makeDirectory(to, 0o755);
  for (const { name } of missing) await symlink(join('..', basename(from), name), join(to, name));
}

/** Removes what was linked there, and the directory unless something is left in it. */
export async function forgetShared(directory: string): Promise<void> {
  const entries = await entriesOf(directory);
  const links = entries.filter((one) => one.isSymbolicLink());
  for (const { name } of links) await rm(join(directory, name));
  if (links.length > 0 && links.length === entries.length) await rmdir(directory);
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}
