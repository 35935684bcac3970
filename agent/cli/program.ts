// The operator's command line as a whole: its commands, what they have in common, and what its exit statuses mean.
import type { Command } from 'commander';
import { createProgram as createCommandLine } from '../../shared/cli/command.ts';
import { SHELLS, type Shell } from '../../shared/cli/completion.ts';
import { parseDuration, parsePath } from '../../shared/cli/values.ts';
import { durationMs } from '../../shared/encoding/instant.ts';
import { AGENT_VERSION } from '../adapters/machine/surroundings.ts';
import { DEFAULT_STATE_DIR } from '../adapters/state/state-directory.ts';
import type { DriverName } from '../ports/deploy.ts';
import type { CliContext } from './context.ts';
import { ACTS } from './specs/acts.ts';
import { APPROVALS } from './specs/approvals.ts';
import type { AgentCommand } from './specs/common.ts';
import { POLICY } from './specs/policy.ts';
import { PROPOSALS } from './specs/proposals.ts';
import { QUESTIONS } from './specs/questions.ts';
import { DRIVERS, SERVICE } from './specs/service.ts';
import { TOOLS } from './specs/tools.ts';

export interface GlobalOptions {
  readonly stateDir: string;
  readonly json?: boolean;
}

export interface RunOptions {
  readonly stateDir: string;
  /** `instance.json` in the state directory unless given. */
  readonly config?: string | undefined;
  readonly pollIntervalMs: number;
  /** Overrides the policy's. */
  readonly soakMs?: number | undefined;
  /** What may run services here; every driver unless given. */
  readonly drivers?: readonly DriverName[] | undefined;
}

export interface ProgramParts {
  createContext(options: GlobalOptions): Promise<CliContext>;
  runAgent(options: RunOptions): Promise<number>;
  /** Ends the command with this exit status. */
  exit(status: number): void;
}

const GROUPS = {
  channel: 'the local update channel',
  security: 'which fixes of advisories come by themselves',
  policy: 'the local policy, in STATE_DIR/settings.json',
  settings: 'what a release asks of this install, in STATE_DIR/instance.json',
  allow: 'what containers may reach of this machine, in STATE_DIR/instance.json',
  facts: 'what this install is, for rollouts and halts of a class',
  pin: 'versions this install stays on',
  window: 'when deployments may start',
  approvals: 'answers, and what has become of them',
  remote: 'what becomes of the vendor’s proposals',
  reporting: 'whether the vendor hears of this install',
  approver: 'whose signed yes counts here',
  quarantine: 'releases that failed here and are not tried again',
  audit: 'who decided what, when and why',
  agent: 'the service on this host',
};

const EXIT_HELP = `
Exit status: 0 done · 1 failed · 2 wrong usage · 3 agent or server not reachable · 4 refused · 5 not trusted
             status, changes and change answer from the disk while no agent runs, with 3
             check: 0 nothing new · 10 available · 20 blocked`;

export function createProgram({ createContext, runAgent, exit }: ProgramParts): Command {
  const program: Command = createCommandLine<CliContext>({
    name: 'fairlead',
    about: 'See and decide what this install runs.',
    version: AGENT_VERSION,
    common: [
      {
        flags: '--state-dir <dir>',
        about: 'the agent’s state',
        env: 'FAIRLEAD_STATE_DIR',
        parse: parsePath,
        fallback: DEFAULT_STATE_DIR,
      },
      { flags: '--json', about: 'print one JSON value, stable and versioned' },
    ],
    groups: GROUPS,
    commands: [
      ...QUESTIONS,
      ...ACTS,
      ...POLICY,
      ...APPROVALS,
      ...PROPOSALS,
      ...TOOLS,
      completionOf(() => program),
      runOf(runAgent),
      ...SERVICE,
    ],
    afterHelp: EXIT_HELP,
    createContext: (options) =>
      createContext({ stateDir: String(options.stateDir), json: options.json === true }),
    exit,
    onEnd: ({ progress }) => progress.clear(),
  });
  return program;
}

function runOf(runAgent: ProgramParts['runAgent']): AgentCommand {
  return {
    name: 'agent run',
    about: 'poll, decide, deploy and supervise until TERM; services keep running after it',
    example: 'agent run',
    options: [
      {
        flags: '--config <file>',
        about: 'the instance configuration; STATE_DIR/instance.json by default',
        parse: parsePath,
      },
      {
        flags: '--poll-interval <duration>',
        about: 'such as 60s or PT1M',
        parse: parseDuration,
        fallback: durationMs('PT1M'),
        shown: 'PT1M',
      },
      {
        flags: '--soak <duration>',
        about: 'how long a new deployment is watched; the policy’s by default',
        parse: parseDuration,
      },
      DRIVERS,
    ],
    load: async () => {
      const { readNamed } = await import('../../shared/node/named-file.ts');
      return async ({ stateDir }: CliContext, { config, pollInterval, soak, drivers }: RunFlags) => {
        // What was named must be there: without a file everything would be enabled.
        if (config !== undefined) await readNamed(config);
        return await runAgent({ stateDir, config, pollIntervalMs: pollInterval, soakMs: soak, drivers });
      };
    },
  };
}

interface RunFlags {
  readonly config?: string;
  readonly pollInterval: number;
  readonly soak?: number;
  readonly drivers?: readonly DriverName[];
}

function completionOf(program: () => Command): AgentCommand {
  return {
    name: 'completion',
    about: 'print a script that completes commands: source <(fairlead completion bash)',
    example: 'completion bash',
    arguments: [{ name: '<shell>', about: 'the shell that will read it', choices: SHELLS }],
    load: async () => {
      const { renderCompletion } = await import('../../shared/cli/completion.ts');
      return async (context: CliContext, shell: Shell) => {
        context.print(renderCompletion(shell, program()));
        return 0;
      };
    },
  };
}
