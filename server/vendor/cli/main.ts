// The program `fairlead-vendor`: the commands it knows, and how one is run from argument list to exit status.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import manifest from '../../../package.json' with { type: 'json' };
import { createOutput } from '../../../shared/cli/output.ts';
import type { ProgressStream } from '../../../shared/cli/progress.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { accountName } from '../../../shared/node/account-name.ts';
import { openKeyFile } from '../../../shared/trust/keyfile.ts';
import { createPassphrases, type OpenKey } from '../workspace/passphrases.ts';
import type { Session } from '../workspace/session.ts';
import { withLock } from '../workspace/workspace.ts';
import { addCommand, type CommandSpec, type Input } from './command.ts';
import { ADVISORY_COMMANDS } from './commands/advisory.ts';
import { AUDIT_COMMANDS } from './commands/audit.ts';
import { BUILD } from './commands/build.ts';
import { CHANGE_COMMANDS } from './commands/change.ts';
import { COMPLETE } from './commands/complete.ts';
import { ENROLMENT_COMMANDS } from './commands/enrolment.ts';
import { INIT } from './commands/init.ts';
import { KEY_COMMANDS } from './commands/key.ts';
import { LINT } from './commands/lint.ts';
import { PUBLISH } from './commands/publish.ts';
import { RELEASE } from './commands/release.ts';
import { PROMOTE, ROLLOUT_COMMANDS, WITHDRAW } from './commands/rollout.ts';
import { RENEW, SIGN } from './commands/sign.ts';
import { STATUS } from './commands/status.ts';
import { TRACE } from './commands/trace.ts';
import { VERIFY } from './commands/verify.ts';

type Entry =
  | CommandSpec
  | { readonly group: string; readonly summary: string; readonly commands: readonly CommandSpec[] };

/** In the order in which a release meets them. */
const COMMANDS: readonly Entry[] = [
  INIT,
  { group: 'change', summary: 'changes: open, follow, complete', commands: [...CHANGE_COMMANDS, COMPLETE] },
  LINT,
  BUILD,
  VERIFY,
  RELEASE,
  { group: 'rollout', summary: 'offer a release, watch it, stop it', commands: ROLLOUT_COMMANDS },
  PROMOTE,
  WITHDRAW,
  TRACE,
  { group: 'advisory', summary: 'security advisories', commands: ADVISORY_COMMANDS },
  { group: 'enrolment', summary: 'new installs', commands: ENROLMENT_COMMANDS },
  SIGN,
  RENEW,
  { group: 'key', summary: 'signing keys', commands: KEY_COMMANDS },
  PUBLISH,
  STATUS,
  { group: 'audit', summary: 'the log of every act in this workspace', commands: AUDIT_COMMANDS },
];

/** What the program meets outside: replaced in tests. */
export interface Surroundings {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  readonly now: () => number;
  readonly openKey: OpenKey;
}

/** Resolves to the exit status; see EXIT. Never rejects for anything a person can cause. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = createProgram(surroundings);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportError(error, argv.includes('--json'), surroundings);
  }
}

export function createProgram(surroundings: Surroundings): Command {
  const { stdout, stderr } = surroundings;
  const program = new Command('fairlead-vendor')
    .description('Releases a product: seven stages from a change to installs that run it, none skippable.')
    .version(manifest.version, '--version', 'print the version')
    // Only before the command: `change open` has a --version of its own.
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .addHelpText('after', '\nRun `fairlead-vendor COMMAND --help` for the options of a command.\n');
  const start = (spec: CommandSpec, input: Input) => startCommand(spec, input, surroundings);
  for (const entry of COMMANDS) {
    if ('usage' in entry) {
      addCommand(program, entry, start);
      continue;
    }
    const group = program.command(entry.group).summary(entry.summary).description(entry.summary);
    for (const spec of entry.commands) addCommand(group, spec, start);
  }
  return program;
}

async function startCommand(spec: CommandSpec, input: Input, surroundings: Surroundings): Promise<void> {
  const { env, stdout, stderr, isTerminal, now } = surroundings;
  const session: Session = {
    directory: resolve(input.optional('dir') ?? env.FAIRLEAD_VENDOR_DIR ?? '.'),
    out: createOutput('fairlead-vendor', stdout, stderr, input.flag('json')),
    now,
    actor: `${accountName()}@${hostname()}`,
    passphrases: createPassphrases({
      file: input.optional('passphraseFile'),
      environment: env.FAIRLEAD_PASSPHRASE,
      isTerminal,
      openKey: surroundings.openKey,
    }),
    keyFiles: input.list('key').map((path) => resolve(path)),
    publish: input.flag('publish'),
  };
  if (spec.kind === 'reads') return spec.run(session, input);
  return withLock(session.directory, () => spec.run(session, input));
}

/** `error: message` and the next command; with --json one document with the code. Anything else is our mistake: its trace helps. */
function reportError(error: unknown, json: boolean, { stderr }: Surroundings): number {
  if (!isFairleadError(error)) {
    stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.failed;
  }
  const { code, message, hint, exit } = error;
  if (json) {
    stderr.write(
      `${JSON.stringify({ schema: 'fairlead-vendor/error@1', error: { code, message, hint } })}\n`,
    );
  } else {
    stderr.write(`error: ${message}\n  hint: ${hint}\n`);
  }
  return exit;
}

if (import.meta.main) {
  // Who reads along may have read enough: what was begun goes on to its end all the same.
  process.stdout.on('error', () => undefined);
  process.exitCode = await run(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
    now: Date.now,
    openKey: openKeyFile,
  });
}
