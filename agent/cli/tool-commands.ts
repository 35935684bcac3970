// The commands around an install: staging, the outbox, the audit log, the doctor, completion.
import { Argument, type Command } from 'commander';
import { SHELLS, type Shell } from '../../shared/cli/completion.ts';
import type { Act } from './arguments.ts';

export function addToolCommands(program: Command, act: Act): void {
  program
    .command('stage')
    .description('fetch what is on offer now; nothing is applied')
    .action(act(async () => (await import('./commands/stage.ts')).stage));
  program
    .command('outbox')
    .description('what the server has not heard yet')
    .action(act(async () => (await import('./commands/stage.ts')).outbox));
  program
    .command('doctor')
    .description('look at everything that could keep this install from updating; exit 1 when something does')
    .action(act(async () => (await import('./commands/doctor.ts')).doctor));
  const audit = program.command('audit').description('who decided what, when and why');
  audit
    .command('verify')
    .description('check that no entry was changed, added or removed')
    .argument('[file]', 'an exported log to check instead of this instance’s')
    .option('--checkpoint <text>', 'as an earlier verification printed it: betrays a log that was rewritten')
    .action(act(async () => (await import('./commands/audit.ts')).verifyAudit));
  audit
    .command('export')
    .description('one JSON object a line')
    .argument('[file]', 'where to; standard output by default')
    .action(act(async () => (await import('./commands/audit.ts')).exportAudit));
  program
    .command('completion')
    .description('print a script that completes commands: source <(fairlead completion bash)')
    .addArgument(new Argument('<shell>').choices([...SHELLS]))
    .action(async (shell: Shell) => {
      const { renderCompletion } = await import('../../shared/cli/completion.ts');
      process.stdout.write(`${renderCompletion(shell, program)}\n`);
    });
}
