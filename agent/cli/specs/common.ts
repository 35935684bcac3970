// What commands of `fairlead` have in common: the options that recur, and the context they run in.
import type { ArgumentSpec, CommandSpec, OptionSpec } from '../../../shared/cli/command.ts';
import { parseComponent, parseLine, parsePath } from '../../../shared/cli/values.ts';
import type { CliContext } from '../context.ts';

export type AgentCommand = CommandSpec<CliContext>;

export const REASON: OptionSpec = {
  flags: '--reason <text>',
  about: 'why; recorded',
  required: true,
  parse: parseLine,
};
export const YES: OptionSpec = { flags: '-y, --yes', about: 'do not ask' };
export const WATCH = (about: string): OptionSpec => ({ flags: '--watch', about });
export const PASSPHRASE: OptionSpec = {
  flags: '--passphrase-file <file>',
  about: 'of the key; else $FAIRLEAD_PASSPHRASE, else asked',
  parse: parsePath,
};
export const COMPONENT: ArgumentSpec = {
  name: '<component>',
  about: 'platform, a suite such as core, or a capability such as core/auth',
  parse: parseComponent,
};
