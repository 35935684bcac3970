// fairlead settings: what the releases ask of this install, and what it answers.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { type SettingRow, settingsReply } from '../../../shared/protocol/settings.ts';
import { type CliContext, show } from '../context.ts';
import type { EditOptions } from '../policy-edit.ts';

/** Exit status 4 where a value is missing or wrong, for scripts. */
export async function listSettings(context: CliContext, component: string | undefined): Promise<number> {
  const reply = await context.client.call('GET', '/v1/settings', settingsReply);
  const settings = reply.settings.filter((row) => component === undefined || row.component === component);
  if (component !== undefined && settings.length === 0) throw nothingOf(component, reply.settings);
  show(context, { ...reply, settings }, () => renderSettings(settings));
  return settings.some(({ problem }) => problem !== null) ? EXIT.refused : EXIT.ok;
}

export async function setSetting(
  context: CliContext,
  component: string,
  key: string,
  value: string,
  options: EditOptions,
): Promise<number> {
  return await edit(context, { component, key, value }, options);
}

export async function unsetSetting(
  context: CliContext,
  component: string,
  key: string,
  options: EditOptions,
): Promise<number> {
  return await edit(context, { component, key, value: null }, options);
}

interface Edit {
  readonly component: string;
  readonly key: string;
  readonly value: string | null;
}

async function edit(context: CliContext, wanted: Edit, { reason, yes }: EditOptions): Promise<number> {
  const put = (preview: boolean) =>
    context.client.call('PUT', '/v1/settings', settingsReply, { ...wanted, reason, preview });
  if (context.interactive && yes !== true) {
    const tried = await put(true);
    context.print([...describe(tried.changes), ...notesOf(tried.notes)].join('\n'));
    if (tried.changes.length === 0) return EXIT.ok;
    if (!(await context.confirm('Change the setting so?'))) return EXIT.refused;
  }
  const reply = await put(false);
  const left = reply.settings.filter(
    ({ component, problem }) => component === wanted.component && problem !== null,
  );
  show(context, reply, () => [
    ...describe(reply.changes),
    ...notesOf(reply.notes),
    ...left.map((row) => `still wrong: ${sanitizeLine(`${row.key}: ${row.problem}`, 500)}`),
  ]);
  return EXIT.ok;
}

function describe(changes: readonly string[]): readonly string[] {
  return changes.length === 0 ? ['This changes nothing.'] : changes.map((line) => sanitizeLine(line, 700));
}

function notesOf(notes: readonly string[]): readonly string[] {
  return notes.map((note) => `note: ${sanitizeLine(note, 700)}`);
}

function renderSettings(settings: readonly SettingRow[]): readonly string[] {
  if (settings.length === 0) return ['No settings.'];
  const rows = settings.map((row) => [
    `${row.component} ${row.version}`,
    row.state,
    row.key,
    shownValue(row),
    row.from === 'nowhere' ? '' : row.from,
    row.about === null ? row.expected : `${row.expected}; ${row.about}`,
  ]);
  const wrong = settings.filter(({ problem }) => problem !== null);
  return [
    ...formatTable([['COMPONENT', 'STATE', 'KEY', 'VALUE', 'FROM', 'TAKES'], ...rows]),
    ...wrong.flatMap((row) => [
      `${row.component} ${row.version} does not take ${row.key}: ${sanitizeLine(row.problem ?? '', 500)}`,
    ]),
  ];
}

function shownValue({ value, from, secret }: SettingRow): string {
  if (from === 'nowhere') return 'MISSING';
  return value ?? (secret ? '(not shown)' : '');
}

function nothingOf(component: string, rows: readonly SettingRow[]): FairleadError {
  const components = [...new Set(rows.map((row) => row.component))].sort();
  return new FairleadError('setting/no-component', {
    component,
    components: components.join(', '),
  });
}
