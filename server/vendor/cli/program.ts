// The program `fairlead-vendor`: the commands it knows, and how one is run from argument list to exit status.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import manifest from '../../../package.json' with { type: 'json' };
import { createProgram as createCommandLine } from '../../../shared/cli/command.ts';
import { confirm, createOutput } from '../../../shared/cli/output.ts';
import type { ProgressStream } from '../../../shared/cli/progress.ts';
import { accountName, runProgram } from '../../../shared/cli/run.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { openKeyFile } from '../../../shared/trust/keyfile.ts';
import { createPassphrases, type OpenKey, type Session } from '../workspace/passphrases.ts';
import { COMMON, toCommand } from './command.ts';
import { CARE } from './specs/care.ts';
import { FLEET } from './specs/fleet.ts';
import { ROLLOUTS } from './specs/rollouts.ts';
import { STAGES } from './specs/stages.ts';

const GROUPS = {
  change: 'changes: open, follow, complete',
  statements: 'what each stage did, signed for others to verify',
  rollout: 'offer a release, watch it, stop it',
  advisory: 'security advisories',
  enrolment: 'new installs',
  propose: 'ask installs for something; what becomes of it their own policy decides',
  key: 'signing keys',
  mirrors: 'copies of the repository, by region',
  audit: 'the log of every act in this workspace',
  retention: 'for how many years releases stay to be had',
  analytics: 'how deployments ended, and how the fleet stood, over time',
  report: 'what a customer, or an authority, is shown of advisories',
};

/** What the program meets outside: replaced in tests. */
export interface Surroundings {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isTerminal: boolean;
  readonly now: () => number;
  readonly openKey: OpenKey;
  /** Asks a person at the terminal. */
  readonly confirm: (question: string) => Promise<boolean>;
}

/** Resolves to the exit status; see EXIT. Never rejects for anything a person can cause. */
export async function run(argv: readonly string[], surroundings: Surroundings): Promise<number> {
  const ended: { status: number } = { status: EXIT.ok };
  const program = createProgram(surroundings, (status) => {
    ended.status = status;
  });
  return (await runProgram(program, argv, surroundings)) ?? ended.status;
}

export function createProgram(surroundings: Surroundings, exit: (status: number) => void): Command {
  return createCommandLine<Session>({
    name: 'fairlead-vendor',
    about: 'Releases a product: seven stages from a change to installs that run it, none skippable.',
    version: manifest.version,
    common: COMMON,
    groups: GROUPS,
    // In the order in which a release meets them.
    commands: [...STAGES, ...ROLLOUTS, ...CARE, ...FLEET].map(toCommand),
    afterHelp: '\nRun `fairlead-vendor COMMAND --help` for the options of a command.\n',
    createContext: async (options) => createSession(options, surroundings),
    exit,
    onEnd: ({ out }) => out.clear(),
    streams: surroundings,
  });
}

interface CommonValues {
  readonly dir?: string;
  readonly json?: boolean;
  readonly passphraseFile?: string;
  readonly key?: readonly string[];
  readonly publish?: boolean;
  readonly reason?: string;
  readonly server?: string;
  readonly tokenFile?: string;
}

function createSession(options: CommonValues, surroundings: Surroundings): Session {
  const { env, stdout, stderr, isTerminal, now, openKey, confirm } = surroundings;
  const { dir, json = false, passphraseFile, key = [], publish = false, reason, server, tokenFile } = options;
  return {
    directory: resolve(dir ?? env.FAIRLEAD_VENDOR_DIR ?? '.'),
    out: createOutput('fairlead-vendor', stdout, stderr, json),
    now,
    actor: `${accountName()}@${hostname()}`,
    passphrases: createPassphrases({
      file: passphraseFile,
      environment: env.FAIRLEAD_PASSPHRASE,
      isTerminal,
      openKey,
    }),
    agrees: async (question) => !isTerminal || (await confirm(question)),
    keyFiles: key.map((path) => resolve(path)),
    publish,
    fleet: { server, tokenFile },
    environment: env,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** In this process, among what surrounds it. */
export async function runHere(argv: readonly string[]): Promise<void> {
  // Who reads along may have read enough: what was begun goes on to its end all the same.
  process.stdout.on('error', () => undefined);
  process.exitCode = await run(argv, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    isTerminal: process.stdin.isTTY === true && process.stderr.isTTY === true,
    now: Date.now,
    openKey: openKeyFile,
    confirm,
  });
}
