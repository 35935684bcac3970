// The manual page of a program, from its command line: what `man` shows of it, and how to ask it for more.
import type { Command } from 'commander';
import { leavesOf } from '../../test/docs/pages/programs.ts';

/** In the language of man(7); `date` is that of the release. */
export function renderManual(program: Command, version: string, date: string): string {
  const name = program.name();
  const commands = leavesOf(program).map((command) => {
    return `.TP\n.B ${text(pathOf(command))}\n${text(command.summary() || command.description())}`;
  });
  const options = program.options.map(
    ({ flags, description }) => `.TP\n.B ${text(flags)}\n${text(description)}`,
  );
  return `.TH ${name.toUpperCase()} 1 "${date}" "${name} ${version}" "User Commands"
.SH NAME
${text(name)} \\- ${text(program.description().replace(/\.$/, ''))}
.SH SYNOPSIS
.B ${text(name)}
.I COMMAND
[\\fIARGUMENT\\fR]...
.SH DESCRIPTION
What each command takes, and an example of it, is said by
.B ${text(name)} COMMAND \\-\\-help\\fR.
.SH COMMANDS
${commands.join('\n')}
.SH OPTIONS
${options.join('\n')}
`;
}

function pathOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`;
}

/** A backslash begins an escape, a point or an apostrophe in front a request; what is typed with `-` is copied from here. */
function text(line: string): string {
  const escaped = line.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}
