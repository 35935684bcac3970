// The operator's standing decisions as commands: channel, pins, holds, approvals, quarantine.
import type { Command } from 'commander';
import { CHANNELS } from '../../shared/protocol/report.ts';
import { type Act, parseChannel, parseDuration, parseInstant } from './arguments.ts';

const REASON = ['--reason <text>', 'why; recorded'] as const;
const COMPONENT = [
  '<component>',
  'platform, a suite such as core, or a capability such as core/auth',
] as const;
const PLAN = ['<plan>', 'the digest that fairlead plan shows'] as const;

export function addPolicyCommands(program: Command, act: Act): void {
  program
    .command('channel')
    .description('the local update channel')
    .command('set')
    .argument('<channel>', CHANNELS.join(', '), parseChannel)
    .requiredOption(...REASON)
    .action(act(async () => (await import('./commands/policy.ts')).setChannel));
  const policy = program.command('policy').description('the local policy, in STATE_DIR/settings.json');
  policy
    .command('show')
    .description('print it')
    .action(act(async () => (await import('./commands/policy.ts')).policy));
  policy
    .command('check')
    .description('exit 0 when it can be read and satisfied')
    .action(act(async () => (await import('./commands/policy.ts')).checkPolicy));
  addPins(program, act);
  addHolds(program, act);
  addApprovals(program, act);
  program
    .command('quarantine')
    .description('releases that failed here and are not tried again')
    .command('lift')
    .argument('<component>', 'such as core/auth')
    .requiredOption(...REASON)
    .action(act(async () => (await import('./commands/quarantine.ts')).liftQuarantine));
}

function addPins(program: Command, act: Act): void {
  const pin = program.command('pin').description('versions this install stays on');
  pin
    .command('add')
    .argument(...COMPONENT)
    .argument('<version>', 'a version, a range, or latest-1 for one minor line behind the newest')
    .requiredOption(...REASON)
    .option('--expires <instant>', 'such as 2026-12-31T00:00:00Z', parseInstant)
    .action(act(async () => (await import('./commands/policy.ts')).addPin));
  pin
    .command('remove')
    .argument(...COMPONENT)
    .requiredOption(...REASON)
    .action(act(async () => (await import('./commands/policy.ts')).removePin));
  pin.command('list').action(act(async () => (await import('./commands/policy.ts')).listPins));
}

function addHolds(program: Command, act: Act): void {
  program
    .command('hold')
    .description('change nothing for a while')
    .argument('<duration>', 'such as PT4H or P3D', parseDuration)
    .requiredOption(...REASON)
    .option('--emergency', 'hold forced patches too, for at most 72 hours')
    .action(act(async () => (await import('./commands/policy.ts')).hold));
  program
    .command('release')
    .description('end a hold')
    .requiredOption(...REASON)
    .option('--emergency', 'end the hold of forced patches')
    .action(act(async () => (await import('./commands/policy.ts')).release));
}

function addApprovals(program: Command, act: Act): void {
  program
    .command('approve')
    .description('a yes to one plan; it is applied when the policy allows')
    .argument(...PLAN)
    .requiredOption(...REASON)
    .option('--ticket <id>', 'your change ticket')
    .action(act(async () => (await import('./commands/approvals.ts')).approve));
  program
    .command('deny')
    .description('a final no to one plan')
    .argument(...PLAN)
    .requiredOption(...REASON)
    .option('--ticket <id>', 'your change ticket')
    .action(act(async () => (await import('./commands/approvals.ts')).deny));
  program
    .command('approvals')
    .description('answers that still count')
    .command('list')
    .action(act(async () => (await import('./commands/approvals.ts')).listApprovals));
}
