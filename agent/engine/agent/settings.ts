// The settings of the install's services through the socket: shown, and changed one at a time, on the record before it counts.
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { inPieces } from '../../../shared/node/turns.ts';
import type { SettingRequest, SettingsReply } from '../../../shared/protocol/settings.ts';
import type { InstanceConfig } from '../../../shared/schema/instance.ts';
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
  state: Assessing & Needs<'records' | 'wake'>,
  { preview, reason, ...edit }: SettingRequest,
  actor: string,
): Promise<SettingsReply> {
  const releases = await concerned(state);
  // Tried before it is recorded: the log holds changes, not mistakes.
  const tried = changeSetting(releases, await state.choice.settings.config(), edit);
  if (preview || tried.changes.length === 0) return { ...replyOf(releases, tried.config), ...textsOf(tried) };
  let done = tried;
  await state.choice.settings.editConfig(
    (known) => {
      done = changeSetting(releases, known, edit);
      return done.config;
    },
    (before, after) => {
      const details = {
        edit: sanitizeLine(done.changes.join('; '), 300),
        component: edit.component,
        key: edit.key,
        reason,
      };
      return state.records.ledger.recordConfigEdit(before, after, {
        event: 'policy-changed',
        actor,
        details,
      });
    },
  );
  state.wake();
  return { ...replyOf(releases, done.config), ...textsOf(done) };
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

function textsOf({ changes, notes }: Readonly<Record<'changes' | 'notes', readonly string[]>>) {
  return { changes: [...changes], notes: [...notes] };
}
