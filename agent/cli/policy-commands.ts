// The operator's standing decisions as commands: channel, pins, holds, approvals, quarantine.
import type { Command } from 'commander';
import { CHANNELS } from '../../shared/protocol/report.ts';
import { type Act, parseCapability, parseChannel, parseDigest, parseLine, parseNumber } from './arguments.ts';

const REASON = ['--reason <text>', 'why; recorded', parseLine] as const;
const YES = ['-y, --yes', 'do not ask'] as const;
const COMPONENT = [
  '<component>',
  'platform, a suite such as core, or a capability such as core/auth',
] as const;
const PLAN = ['<plan>', 'the digest that fairlead plan shows', parseDigest] as const;
const PASSPHRASE = ['--passphrase-file <file>', 'of the key; else $FAIRLEAD_PASSPHRASE, else asked'] as const;

export function addPolicyCommands(program: Command, act: Act): void {
  program
    .command('channel')
    .description('the local update channel')
    .command('set')
    .description('say what becomes of an update: auto, manual or frozen')
    .argument('<channel>', CHANNELS.join(', '), parseChannel)
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/policy.ts')).setChannel));
  const policy = program.command('policy').description('the local policy, in STATE_DIR/settings.json');
  policy
    .command('show')
    .description('print it')
    .action(act(async () => (await import('./commands/policy.ts')).policy));
  policy
    .command('check')
    .argument('[file]', 'a policy to check instead of the one in force')
    .description('exit 0 when it can be read and satisfied')
    .action(act(async () => (await import('./commands/policy.ts')).checkPolicy));
  addPins(program, act);
  addHolds(program, act);
  addWindows(program, act);
  addApprovals(program, act);
  addApprovers(program, act);
  program
    .command('quarantine')
    .description('releases that failed here and are not tried again')
    .command('lift')
    .description('let a release that failed be tried again')
    .argument('<component>', 'such as core/auth', parseCapability)
    .requiredOption(...REASON)
    .action(act(async () => (await import('./commands/quarantine.ts')).liftQuarantine));
}

function addPins(program: Command, act: Act): void {
  const pin = program.command('pin').description('versions this install stays on');
  pin
    .command('add')
    .description('keep a component at a version or in a range')
    .argument(...COMPONENT)
    .argument('<version>', 'a version, a range, or latest-1 for one minor line behind the newest')
    .requiredOption(...REASON)
    .option('--expires <time>', 'such as 2026-12-31T00:00:00Z')
    .option(...YES)
    .action(act(async () => (await import('./commands/policy.ts')).addPin));
  pin
    .command('remove')
    .description('let it move again')
    .argument(...COMPONENT)
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/policy.ts')).removePin));
  pin
    .command('list')
    .description('every pin, with its end and its reason')
    .action(act(async () => (await import('./commands/policy.ts')).listPins));
}

function addHolds(program: Command, act: Act): void {
  program
    .command('hold')
    .description('change nothing for a while')
    .argument('[span]', 'such as 4h or 3d')
    .option('--until <time>', 'such as "mon 08:00"')
    .requiredOption(...REASON)
    .option('--emergency', 'hold forced patches too, for at most 72 hours')
    .option('--key <file>', 'sign it: needed with --emergency where approvers have keys')
    .option(...PASSPHRASE)
    .option(...YES)
    .action(act(async () => (await import('./commands/hold.ts')).hold));
  program
    .command('release')
    .description('end a hold')
    .requiredOption(...REASON)
    .option('--emergency', 'end the hold of forced patches')
    .option(...YES)
    .action(act(async () => (await import('./commands/hold.ts')).release));
}

function addWindows(program: Command, act: Act): void {
  const window = program.command('window').description('when deployments may start');
  window
    .command('add')
    .description('open one on a schedule, or forbid one with --deny')
    .argument('<name>', 'such as night')
    .requiredOption('--cron <expression>', 'when it opens, such as "0 2 * * sat"')
    .requiredOption('--duration <duration>', 'how long it stays open, such as PT4H')
    .option('--zone <zone>', 'whose wall clock; this terminal’s by default')
    .option('--deny', 'nothing starts inside it')
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/windows.ts')).addWindow));
  window
    .command('remove')
    .description('take one away')
    .argument('<name>')
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/windows.ts')).removeWindow));
  window
    .command('list')
    .description('every window, and when the next ones open')
    .action(act(async () => (await import('./commands/windows.ts')).listWindows));
}

function addApprovals(program: Command, act: Act): void {
  const answer = (name: string, about: string) =>
    program
      .command(name)
      .description(about)
      .argument(...PLAN)
      .requiredOption(...REASON)
      .option('--ticket <id>', 'your change ticket')
      .option('--key <file>', 'sign it with an approver’s key')
      .option('--out <file>', 'write the signed answer here; no agent is needed')
      .option('--instance <id>', 'let it count on this instance only')
      .option(...YES)
      .option(...PASSPHRASE);
  answer('approve', 'a yes to one plan; it is applied when the policy allows').action(
    act(async () => (await import('./commands/approvals.ts')).approve),
  );
  answer('deny', 'a final no to one plan').action(
    act(async () => (await import('./commands/approvals.ts')).deny),
  );
  const approvals = program.command('approvals').description('answers, and what has become of them');
  approvals
    .command('list')
    .description('every answer, and what has become of it')
    .action(act(async () => (await import('./commands/approvals.ts')).listApprovals));
  approvals
    .command('import')
    .description('hand in an answer that was signed on another machine')
    .argument('<file>', 'a signed answer from fairlead approve --out')
    .action(act(async () => (await import('./commands/approvals.ts')).importApproval));
}

function addApprovers(program: Command, act: Act): void {
  const approver = program.command('approver').description('whose signed yes counts here');
  approver
    .command('create')
    .description('make a key, on the approver’s own machine')
    .argument('<name>', 'such as alice')
    .requiredOption('--key <file>', 'where to write it')
    .option(...PASSPHRASE)
    .action(act(async () => (await import('./commands/approver.ts')).createApprover));
  approver
    .command('trust')
    .description('let a key’s signed yes count')
    .argument('<name>', 'such as alice')
    .argument('<key>', 'the public key, or the path of a key file')
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/approver.ts')).trustApprover));
  approver
    .command('remove')
    .description('let it count no more')
    .argument('<name>')
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/approver.ts')).removeApprover));
  approver
    .command('require')
    .description('how many approvers must say yes')
    .argument('<count>', 'such as 2', parseNumber)
    .requiredOption(...REASON)
    .option(...YES)
    .action(act(async () => (await import('./commands/approver.ts')).requireApprovals));
  approver
    .command('list')
    .description('whose yes counts, and how many are needed')
    .action(act(async () => (await import('./commands/approver.ts')).listApprovers));
}
