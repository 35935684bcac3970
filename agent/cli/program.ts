// The operator's command line: every command, its options and its help; what a command does is loaded when it runs.
import { Command, Option } from 'commander';
import { durationMs } from '../../shared/encoding/duration.ts';
import { sanitizeText } from '../../shared/encoding/text.ts';
import { ASSUMPTIONS, OVERRIDES } from '../../shared/protocol/admin.ts';
import { AGENT_VERSION } from '../adapters/machine/agent-version.ts';
import { DEFAULT_STATE_DIR } from '../adapters/state/state-paths.ts';
import {
  type Act,
  type Action,
  parseDuration,
  parseLine,
  parseNumber,
  parsePath,
  parseRollbackTo,
  parseTarget,
} from './arguments.ts';
import type { CliContext } from './context.ts';
import { addPolicyCommands } from './policy-commands.ts';
import { addToolCommands } from './tool-commands.ts';

export interface RunOptions {
  readonly stateDir: string;
  readonly config?: string;
  readonly pollIntervalMs: number;
  readonly soakMs?: number;
}

export interface ProgramParts {
  createContext(options: GlobalOptions): Promise<CliContext>;
  runAgent(options: RunOptions): Promise<number>;
  /** Ends the command with this exit status. */
  exit(status: number): void;
}

export interface GlobalOptions {
  readonly stateDir: string;
  readonly json?: boolean;
}

export function createProgram(parts: ProgramParts): Command {
  const program = new Command('fairlead')
    .description('See and decide what this install runs.')
    .addOption(
      new Option('--state-dir <dir>', 'the agent’s state')
        .env('FAIRLEAD_STATE_DIR')
        .argParser(parsePath)
        .default(DEFAULT_STATE_DIR),
    )
    .option('--json', 'print one JSON value, stable and versioned')
    .version(AGENT_VERSION, '--version', 'print the version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(describeMisuse(text)) })
    .addHelpText('after', EXIT_HELP);

  /** Global options count wherever they stand; the arguments before commander's own two are the command's. */
  const act =
    <Rest extends readonly unknown[]>(load: () => Promise<Action<Rest>>) =>
    async (...given: unknown[]): Promise<void> => {
      const command = given.at(-1) as Command;
      const context = await parts.createContext(command.optsWithGlobals());
      const run = await load();
      parts.exit(await run(context, ...(given.slice(0, -1) as unknown as Rest)));
    };

  addQuestions(program, act);
  addHistory(program, act);
  addDecisions(program, act);
  addRemedies(program, act);
  addPolicyCommands(program, act);
  addToolCommands(program, act);
  addAgent(program, act, parts);
  return program;
}

/** What was typed comes back in the message: not all of it, and nothing a terminal would obey. */
function describeMisuse(message: string): string {
  const text = sanitizeText(message.trimEnd());
  const short = text.length <= LONGEST_MISUSE ? text : `${text.slice(0, LONGEST_MISUSE)}…`;
  return `${short}\n  hint: the same command with --help says what it takes\n`;
}

const LONGEST_MISUSE = 500;

const EXIT_HELP = `
Exit status: 0 done · 1 failed · 2 wrong usage · 3 agent or server not reachable · 4 refused · 5 not trusted
             status, changes and change answer from the disk while no agent runs, with 3
             check: 0 nothing new · 10 available · 20 blocked`;

function addQuestions(program: Command, act: Act): void {
  program
    .command('status')
    .description('the verdict, what needs attention, and what runs')
    .option('--watch', 'look again until interrupted, and print what changed')
    .action(act(async () => (await import('./commands/status.ts')).status));
  program
    .command('check')
    .description('ask the server for news; exit 0 none, 10 available, 20 blocked')
    .action(act(async () => (await import('./commands/explain.ts')).check));
  program
    .command('plan')
    .description('what the update on offer would change, or what would lead to a release')
    .argument(
      '[target]',
      'platform@2.5.0, core@1.2.0 or core/auth@1.0.1; exit 4 when nothing leads there',
      parseTarget,
    )
    .action(act(async () => (await import('./commands/plan.ts')).plan));
  program
    .command('explain')
    .description('every reason for what happens, or does not')
    .option('--at <time>', 'as if it were then, such as "sat 02:00"')
    .addOption(
      new Option('--assume <what...>', 'as if every approval were given, a window open, …').choices([
        ...ASSUMPTIONS,
      ]),
    )
    .action(act(async () => (await import('./commands/explain.ts')).explain));
}

function addHistory(program: Command, act: Act): void {
  program
    .command('changes')
    .description('every deployment of this install')
    .action(act(async () => (await import('./commands/changes.ts')).changes));
  program
    .command('change')
    .argument('<id>', 'its number', parseNumber)
    .description('one deployment: what, when, why, and how it ended')
    .option('--watch', 'follow it to its end first')
    .action(act(async () => (await import('./commands/changes.ts')).change));
  program
    .command('advisories')
    .description('security advisories, and whether they affect what runs')
    .action(act(async () => (await import('./commands/advisories.ts')).advisories));
}

function addDecisions(program: Command, act: Act): void {
  program
    .command('apply')
    .description('apply what is on offer now, and follow it to its end')
    .option('--now', 'at once; outside the windows with --override window')
    .addOption(
      new Option(
        '--override <what...>',
        'pass over these rules, on the record; never over signatures',
      ).choices([...OVERRIDES]),
    )
    .option('--reason <text>', 'why; recorded', parseLine)
    .option('-y, --yes', 'do not ask')
    .action(act(async () => (await import('./commands/apply.ts')).apply));
}

function addRemedies(program: Command, act: Act): void {
  program
    .command('verify')
    .description('hash every live file and compare it with what was signed')
    .option('--repair', 'make the files again what was signed; restarts what may have loaded others')
    .option('--reason <text>', 'why; recorded with a repair', parseLine)
    .action(act(async () => (await import('./commands/verify.ts')).verify));
  program
    .command('rollback')
    .description('return to an earlier generation; needs no network')
    .option(
      '--to <target>',
      'a generation, or a version such as core/auth@1.0.0; by default the previous healthy generation',
      parseRollbackTo,
    )
    .requiredOption('--reason <text>', 'why; recorded', parseLine)
    .option('--accept-risk <advisory...>', 'critical advisories the older version is open to')
    .addOption(
      new Option(
        '--rehearse',
        'try what can be tried without stopping anything, and say what it would cost',
      ).implies({ reason: 'a rehearsal' }),
    )
    .option('-y, --yes', 'do not ask')
    .action(act(async () => (await import('./commands/apply.ts')).rollback));
}

function addAgent(program: Command, act: Act, parts: ProgramParts): void {
  const agent = program.command('agent').description('the service on this host');
  addSwitch(agent);
  agent
    .command('run')
    .description('poll, decide, deploy and supervise until TERM; services keep running after it')
    .option('--config <file>', 'the instance configuration; STATE_DIR/instance.json by default')
    .option('--poll-interval <duration>', 'such as PT1M', parseDuration, durationMs('PT1M'))
    .option(
      '--soak <duration>',
      'how long a new deployment is watched; the policy’s by default',
      parseDuration,
    )
    .action(async (_options, command: Command) => {
      const { stateDir, config, pollInterval, soak } = command.optsWithGlobals();
      // What was named must be there: without a file everything would be enabled.
      if (config !== undefined) await (await import('../adapters/files/new-file.ts')).readNamed(config);
      parts.exit(await parts.runAgent({ stateDir, config, pollIntervalMs: pollInterval, soakMs: soak }));
    });
  agent
    .command('install')
    .description('run now and at every boot, as a service of systemd')
    .action(act(async () => (await import('./commands/install.ts')).install));
  agent
    .command('uninstall')
    .description('stop and remove that service; the state and the services it started stay')
    .action(act(async () => (await import('./commands/install.ts')).uninstall));
  agent
    .command('enroll')
    .description('join the vendor’s fleet with the string the vendor sent')
    .argument('[string]', 'the string, or - to read it from standard input, where no other account sees it')
    .option('--file <path>', 'read the string from a file')
    .option('--name <name>', 'how the vendor sees this host; its own name by default')
    .action(async (string: string | undefined, _options, command: Command) => {
      const { enroll } = await import('./commands/enroll.ts');
      const { stateDir, json = false, file, name } = command.optsWithGlobals();
      const print = (text: string) => void process.stdout.write(`${text}\n`);
      parts.exit(await enroll(string, { stateDir, json, file, name, print }));
    });
}

/** What the agent itself starts for a blue-green capability, where it is one executable without files beside it. */
function addSwitch(agent: Command): void {
  agent
    .command('switch', { hidden: true })
    .argument('<route>')
    .action(
      async (route: string) =>
        void (await import('../adapters/drivers/traffic/switch.ts')).serveTraffic(route),
    );
}
