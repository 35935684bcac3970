// Reasons that lie in the instance configuration: it cannot be read, or it does not fit a release that is on offer.
import type { SettingIssue } from '../compile/target.ts';
import { block, type Reason } from './blockers.ts';
import type { ConfigState, LocalState, PolicyState } from './local-state.ts';

const SOURCE = 'the instance configuration';

export function settingsReasons(issues: readonly SettingIssue[]): readonly Reason[] {
  return issues.map((issue) =>
    block('settings-invalid', {
      message: `${issue.path}: expected ${issue.expected}, found ${issue.found}; ${issue.remedy}`,
      source: SOURCE,
      clear: { edit: editFor(issue) },
    }),
  );
}

function editFor({ component, key, fault }: SettingIssue): string {
  return fault === 'surplus' ? `unset ${component} ${key}` : `set ${component} ${key} VALUE`;
}

/** What nobody can read is said, whatever else is. */
export function unreadableReasons({ policy, config }: LocalState): readonly Reason[] {
  return [...policyUnreadable(policy), ...configUnreadable(config)];
}

function policyUnreadable(state: PolicyState): readonly Reason[] {
  if (state.kind === 'readable') return [];
  return [
    block('policy-unreadable', {
      message: `the policy cannot be read, so the instance is frozen: ${state.problem}`,
      source: 'the policy',
    }),
  ];
}

function configUnreadable(state: ConfigState): readonly Reason[] {
  if (state.kind === 'readable') return [];
  return [block('config-invalid', { message: `${state.problem}; ${state.hint}`, source: SOURCE })];
}
