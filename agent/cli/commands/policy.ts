// fairlead channel, pin and policy: the operator's standing decisions about what may come.

import { z } from 'zod';
import { pinnedComponent } from '../../../shared/compile/pins.ts';
import { finish } from '../../../shared/encoding/pieces.ts';
import { safeJson } from '../../../shared/encoding/text.ts';
import { EXIT } from '../../../shared/errors/entry.ts';
import { readDocument } from '../../../shared/node/named-file.ts';
import { findStale, findUnsatisfiable } from '../../../shared/policy/satisfiable.ts';
import { describePinState } from '../../../shared/present/explanation.ts';
import { describeFixesFrom } from '../../../shared/present/status.ts';
import { formatTable } from '../../../shared/present/table.ts';
import { renderOpenings } from '../../../shared/present/windows.ts';
import { type ExplanationReply, explanationReply } from '../../../shared/protocol/admin.ts';
import { policyReply } from '../../../shared/protocol/admin-policy.ts';
import type { Channel } from '../../../shared/protocol/report.ts';
import {
  type FixesFrom,
  fixesFrom,
  type Policy,
  policy as policySchema,
} from '../../../shared/schema/policy.ts';
import { type CliContext, show } from '../context.ts';
import { changePolicy, type EditOptions, showPolicy } from '../policy-edit.ts';
import { readInstant } from '../times.ts';

const fileCheck = z.strictObject({
  schema: z.literal('fairlead/policy-check@1'),
  unsatisfiable: z.array(z.string()),
  stale: z.array(z.string()),
});

/** Of the policy in force, or of one in a file. */
export const policyCheckAnswer = z.union([policyReply, fileCheck]);

const MEANING: Record<Channel, string> = {
  auto: 'updates are applied when the vendor offers them',
  manual: 'updates wait for: fairlead apply --reason "why"',
  frozen: 'nothing changes, forced patches excepted',
};

export async function setChannel(
  context: CliContext,
  channel: Channel,
  options: EditOptions,
): Promise<number> {
  return await changePolicy(context, { kind: 'channel', channel }, options, () => [
    `channel ${channel}: ${MEANING[channel]}`,
  ]);
}

export async function setFixesFrom(
  context: CliContext,
  from: FixesFrom,
  options: EditOptions,
): Promise<number> {
  return await changePolicy(context, { kind: 'security', from }, options, () => [describeFixesFrom(from)]);
}

export async function addPin(
  context: CliContext,
  component: string,
  version: string,
  options: EditOptions & { readonly expires?: string },
): Promise<number> {
  const expires = options.expires === undefined ? {} : { expires: readInstant(context, options.expires) };
  const pin = { kind: 'pin', component, version, ...expires } as const;
  return await changePolicy(context, pin, options, ({ policy }) => renderPins(policy));
}

export async function removePin(
  context: CliContext,
  component: string,
  options: EditOptions,
): Promise<number> {
  const edit = { kind: 'unpin', component } as const;
  return await changePolicy(context, edit, options, ({ policy }) => renderPins(policy));
}

/** With what each does now: a pin that a forced patch overrides, or that is past its end, holds nothing. */
export async function listPins(context: CliContext): Promise<number> {
  const { pins } = await context.client.call('GET', '/v1/explanation', explanationReply);
  return await showPolicy(context, ({ policy }) => renderPins(policy, pins));
}

export async function policy(context: CliContext): Promise<number> {
  return await showPolicy(context, (known) => safeJson(known.policy, 2).split('\n'));
}

/** For scripts: 0 when the policy, or the one in a file, can be read and satisfied. */
export async function checkPolicy(context: CliContext, path: string | undefined): Promise<number> {
  if (path !== undefined) {
    const known = await readDocument(path, policySchema);
    const now = context.clock.now();
    const unsatisfiable = finish(findUnsatisfiable(known, now));
    const reply = { schema: 'fairlead/policy-check@1', unsatisfiable, stale: findStale(known, now) };
    show(context, reply, () => renderCheck(known, reply));
    return unsatisfiable.length === 0 ? EXIT.ok : EXIT.refused;
  }
  const reply = await context.client.call('GET', '/v1/policy', policyReply);
  const exit = await showPolicy(context, (known) => [
    ...renderCheck(known.policy, known),
    ...renderOpenings(known.openings, context.zone),
  ]);
  return reply.unsatisfiable.length === 0 ? exit : EXIT.refused;
}

interface Checked {
  readonly unsatisfiable: readonly string[];
  readonly stale: readonly string[];
}

function renderCheck(known: Policy, { unsatisfiable, stale }: Checked): readonly string[] {
  const from = fixesFrom(known);
  const fixes = from === 'critical' ? '' : `, fixes from ${from} on by themselves`;
  return [
    unsatisfiable.length === 0
      ? `the policy is valid: channel ${known.channel}${fixes}`
      : 'nobody can satisfy this policy:',
    ...unsatisfiable.map((problem) => `- ${problem}`),
    ...stale.map((each) => `note: ${each}`),
  ];
}

function renderPins({ pins }: Policy, states: ExplanationReply['pins'] = []): readonly string[] {
  if (pins.length === 0) return ['No pins.'];
  const stateOf = (pin: Policy['pins'][number]) =>
    states.find((one) => pinnedComponent(one.pin) === pinnedComponent(pin));
  const rows = pins.map((pin) => {
    const state = stateOf(pin);
    return [
      pinnedComponent(pin),
      pin.version,
      state === undefined ? '' : describePinState(state),
      pin.expires ?? 'never',
      pin.owner,
      pin.reason,
    ];
  });
  return formatTable([['COMPONENT', 'VERSION', 'NOW', 'EXPIRES', 'OWNER', 'REASON'], ...rows]);
}
