// The server's unit, as text: what the service manager runs, as an account of its own, and how far it is confined.
import { isAbsolute, resolve } from 'node:path';
import type { OptionSpec } from '../../shared/cli/command.ts';
import { FairleadError } from '../../shared/errors/error.ts';
import {
  confine,
  escapeSpecifiers,
  isPlainPath,
  quote,
  startWords,
  withoutSpecifiers,
} from '../../shared/node/service/unit.ts';
import { isS3 } from '../core/repository-address.ts';

export const SERVER_UNIT = 'fairlead-server.service';
/** Nobody signs in with it; the directory of the server is its own. */
export const SERVER_ACCOUNT = 'fairlead-server';

export interface ServerUnitOptions {
  /** The program and the words before `run`; its path is absolute. */
  readonly program: readonly string[];
  readonly dir: string;
  /** What was typed for `run`. */
  readonly options: readonly TypedOption[];
}

export interface TypedOption {
  readonly flag: string;
  /** Null where it takes none. */
  readonly value: string | null;
  /** A file that the account need not be able to read: the manager hands it over at the start. */
  readonly isFile: boolean;
}

/** Of all options of `run`, those that say something else than they would by themselves. */
export function typedOptions(
  specs: readonly OptionSpec[],
  values: Readonly<Record<string, unknown>>,
): readonly TypedOption[] {
  return specs.flatMap(({ flags, fallback }) => {
    const flag = /--[\w-]+/.exec(flags)?.[0] ?? '';
    const value = values[flag.slice(2).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    if (value === undefined || value === fallback) return [];
    const isFile = flags.endsWith('<file>');
    const text = Array.isArray(value) ? value.join(',') : String(value);
    return [{ flag, isFile, value: value === true ? null : isFile ? resolve(text) : text }];
  });
}

/**
 * What the unit of a server was made of; null where it is none of ours, or one that a hand has written anew. `specs` are
 * the options of `run`. Error: service/manager-failed, for an option that this program does not know.
 */
export function readServerUnit(
  unit: string,
  specs: readonly OptionSpec[],
): Pick<ServerUnitOptions, 'dir' | 'options'> | null {
  const words = startWords(unit) ?? [];
  const [, directory, dir, ...typed] = words.slice(words.indexOf('run'));
  if (directory !== '--dir' || dir === undefined) return null;
  const files = new Map(
    [...unit.matchAll(/^LoadCredential=([\w-]+):(.*)$/gm)].map(([, name = '', path = '']) => [name, path]),
  );
  const options: TypedOption[] = [];
  for (let at = 0; at < typed.length; at++) {
    const flag = typed[at] ?? '';
    const flags = specs.find((spec) => spec.flags.split(' ').includes(flag))?.flags;
    if (flags === undefined) throw unknownOption(flag);
    const value = flags.includes('<') ? (typed[++at] ?? '') : null;
    const file = value === `%d/${flag.slice(2)}` ? files.get(flag.slice(2)) : undefined;
    const said = file ?? value;
    options.push({ flag, value: said === null ? null : withoutSpecifiers(said), isFile: file !== undefined });
  }
  return { dir: withoutSpecifiers(dir), options };
}

function unknownOption(flag: string): FairleadError {
  const problem = `${SERVER_UNIT} runs with ${JSON.stringify(flag)}, which this version does not know: fairlead-server install, with what it is to take`;
  return new FairleadError('service/manager-failed', { manager: 'systemd', problem });
}

/** The first port that no account but root may listen on without being given it. */
const FIRST_FREE_PORT = 1024;

export function renderServerUnit({ program, dir, options }: ServerUnitOptions): string {
  const files = options.filter(({ isFile }) => isFile);
  const places = ['--repository', '--backup'].map((name) => options.find(({ flag }) => flag === name)?.value);
  const port = Number(options.find(({ flag }) => flag === '--port')?.value ?? FIRST_FREE_PORT);
  const words = [...program, 'run', '--dir', dir].map(quote);
  // The manager's own copy, readable by this account alone, for as long as it runs.
  const typed = options.flatMap(({ flag, value, isFile }) =>
    value === null ? [quote(flag)] : [quote(flag), isFile ? `"%d/${flag.slice(2)}"` : quote(value)],
  );
  const writable = [dir];
  for (const place of places) if (typeof place === 'string' && !isS3(place)) writable.push(resolve(place));
  return `# Written by fairlead-server install, which replaces it. To add to it: systemctl edit ${SERVER_UNIT}
[Unit]
Description=Fairlead release server
Wants=network-online.target
After=network-online.target postgresql.service
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
ExecStart=:${[...words, ...typed].join(' ')}
${files.map(({ flag, value }) => `LoadCredential=${flag.slice(2)}:${plain(value ?? '')}\n`).join('')}User=${SERVER_ACCOUNT}
Group=${SERVER_ACCOUNT}
Restart=always
RestartSec=1
TimeoutStartSec=10min
TimeoutStopSec=1min
LimitNOFILE=65536
UMask=0077
${port > 0 && port < FIRST_FREE_PORT ? LOW_PORT : 'CapabilityBoundingSet=\nPrivateUsers=yes\n'}RemoveIPC=yes
ProtectProc=invisible
ProcSubset=pid
DevicePolicy=closed
${confine({ writable, reads: program.filter(isAbsolute) })}SystemCallFilter=~@privileged

[Install]
WantedBy=multi-user.target
`;
}

/** It stands unquoted, and what ended its line would be a line of its own. Error: service/manager-failed. */
function plain(path: string): string {
  if (isPlainPath(path)) return escapeSpecifiers(path);
  const problem = `it takes no file whose name holds quotes, backslashes or control characters: ${JSON.stringify(path)}`;
  throw new FairleadError('service/manager-failed', { manager: 'systemd', problem });
}

const LOW_PORT = 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n';
