// GET and PUT /v1/settings and /v1/allowances: the configuration of this install, and one entry of it changed.
import { z } from 'zod';
import { componentKey, line, name, version } from '../schema/common.ts';
import { reach } from '../schema/instance.ts';

/** A preview says what would change, and changes nothing. */
export const settingRequest = z.strictObject({
  component: componentKey,
  key: name,
  /** As it was typed; null takes the setting away. */
  value: z.string().max(8_192).nullable(),
  reason: line,
  preview: z.boolean().default(false),
});

const settingRow = z.strictObject({
  component: componentKey,
  version,
  /** Whether that version runs, or is what the next deployment would bring. */
  state: z.enum(['running', 'offered']),
  key: name,
  /** What it takes, in words. */
  expected: z.string(),
  /** As JSON; null where there is none, and where nobody may read it. */
  value: z.string().nullable(),
  from: z.enum(['instance', 'default', 'nowhere']),
  secret: z.boolean(),
  /** Why the release does not take it as it is. */
  problem: z.string().nullable(),
  about: z.string().nullable(),
});

export const settingsReply = z.strictObject({
  schema: z.literal('fairlead/settings@1'),
  settings: z.array(settingRow),
  /** What the edit changes, line by line; empty for a question. */
  changes: z.array(z.string()),
  /** What somebody should know about the edit though it is taken. */
  notes: z.array(z.string()),
});

/** What containers of a component may reach of the machine; a preview changes nothing. */
export const allowanceRequest = z.strictObject({
  component: componentKey,
  reach,
  /** False takes it back. */
  allowed: z.boolean(),
  reason: line,
  preview: z.boolean().default(false),
});

const allowanceRow = z.strictObject({ component: componentKey, reach });

export const allowancesReply = z.strictObject({
  schema: z.literal('fairlead/allowances@1'),
  allowances: z.array(allowanceRow),
  /** What the edit changes, line by line; empty for a question. */
  changes: z.array(z.string()),
});

export type AllowanceRequest = z.output<typeof allowanceRequest>;
export type AllowanceRow = z.output<typeof allowanceRow>;
export type AllowancesReply = z.output<typeof allowancesReply>;
export type SettingRequest = z.output<typeof settingRequest>;
export type SettingRow = z.output<typeof settingRow>;
export type SettingsReply = z.output<typeof settingsReply>;
