// The configuration of the install's services through the socket: shown, and changed one entry at a time, on the record before it counts.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type {
  AllowanceRequest,
  AllowancesReply,
  SettingRequest,
  SettingsReply,
} from '../../../shared/protocol/settings.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
import { allowancesOf, changeAllowance } from '../../core/allowance.ts';
import { compileInputOf } from '../../core/conclude.ts';
import { type Concerned, changeSetting, concernedReleases, settingRows } from '../../core/setting-change.ts';
import { type Assessing, assess } from './assess.ts';
import type { Needs } from './state.ts';

/** Errors: those of reading the configuration. */
export async function readSettings(state: Assessing): Promise<SettingsReply> {
  const config = await state.choice.settings.config();
  return replyOf(await concerned(state), config);
}

/** Errors: setting/no-component, document/invalid, audit/damaged, disk/*, and those of reading the configuration. */
export async function editSetting(
  state: Editing,
  request: SettingRequest,
  actor: string,
): Promise<SettingsReply> {
  const releases = await concerned(state);
  const change = (config: InstanceConfig) => changeSetting(releases, config, request);
  const done = await edit(state, change, request, actor);
  return { ...replyOf(releases, done.config), changes: [...done.changes], notes: [...done.notes] };
}

/** What containers may reach of the machine. Errors: those of reading the configuration. */
export async function readAllowances({ choice }: Needs<'choice'>): Promise<AllowancesReply> {
  return allowancesReplyOf(await choice.settings.config());
}

/** Errors: as of a setting. */
export async function editAllowance(
  state: Editing,
  request: AllowanceRequest,
  actor: string,
): Promise<AllowancesReply> {
  const releases = await concerned(state);
  const change = (config: InstanceConfig) => changeAllowance(releases, config, request);
  const done = await edit(state, change, { ...request, key: request.reach }, actor);
  return { ...allowancesReplyOf(done.config), changes: [...done.changes] };
}

type Editing = Assessing & Needs<'records' | 'wake'>;

interface Changed {
  readonly config: InstanceConfig;
  readonly changes: readonly string[];
}

/** `change` is asked twice: it is tried before it is recorded, for the log holds changes, not mistakes. */
async function edit<Change extends Changed>(
  { choice, records, wake }: Editing,
  change: (known: InstanceConfig) => Change,
  { component, key, reason, preview }: Pick<SettingRequest, 'component' | 'key' | 'reason' | 'preview'>,
  actor: string,
): Promise<Change> {
  let done = change(await choice.settings.config());
  if (preview || done.changes.length === 0) return done;
  await choice.settings.editConfig(
    (known) => {
      done = change(known);
      return done.config;
    },
    (before, after) => {
      const details = { edit: sanitizeLine(done.changes.join('; '), 300), component, key, reason };
      return records.ledger.recordConfigEdit(before, after, { event: 'policy-changed', actor, details });
    },
  );
  wake();
  return done;
}

async function concerned(state: Assessing): Promise<readonly Concerned[]> {
  const { facts } = await assess(state);
  return concernedReleases(facts.current, await inPieces(state.offers.compile(compileInputOf(facts))));
}

function replyOf(releases: readonly Concerned[], config: InstanceConfig): SettingsReply {
  return {
    schema: 'fairlead/settings@1',
    settings: [...settingRows(releases, config)],
    changes: [],
    notes: [],
  };
}

function allowancesReplyOf(config: InstanceConfig): AllowancesReply {
  return { schema: 'fairlead/allowances@1', allowances: [...allowancesOf(config)], changes: [] };
}
