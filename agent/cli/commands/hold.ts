// fairlead hold and release: change nothing for a while, and the glass that may be broken.
import { formatDuration, formatInstant } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { signHold } from '../../../shared/policy/hold-receipt.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import type { HoldReceipt } from '../../../shared/schema/hold-receipt.ts';
import { openApproverKey } from '../../adapters/admin/approver-key.ts';
import { type CliContext, type PassphraseOptions, readPassphrase } from '../context.ts';
import { changePolicy, type EditOptions } from '../policy-edit.ts';
import { readInstant } from '../times.ts';

export interface HoldOptions extends EditOptions, PassphraseOptions {
  readonly until?: string;
  readonly emergency?: boolean;
  /** An approver's key file: signs the order to hold forced patches. */
  readonly key?: string;
}

/** Either a span from now, in milliseconds, or `until` names the end. */
export async function hold(
  context: CliContext,
  span: number | undefined,
  options: HoldOptions,
): Promise<number> {
  const until = readEnd(context, span, options.until);
  const emergency = options.emergency === true;
  const signed =
    options.key === undefined ? {} : { signed: await sign(context, options.key, until, options) };
  const what = emergency
    ? 'nothing changes, not even forced patches,'
    : 'nothing changes, forced patches excepted,';
  return await changePolicy(context, { kind: 'hold', until, emergency, ...signed }, options, () => [
    `${what} until ${until}`,
    `end it sooner: fairlead release${emergency ? ' --emergency' : ''} --reason "why"`,
  ]);
}

export async function release(
  context: CliContext,
  options: EditOptions & { readonly emergency?: boolean },
): Promise<number> {
  const emergency = options.emergency === true;
  return await changePolicy(context, { kind: 'release', emergency }, options, ({ changes }) => {
    if (changes.length === 0) return ['nothing was held'];
    return [emergency ? 'forced patches are applied again' : 'the hold is over'];
  });
}

function readEnd(context: CliContext, spanMs: number | undefined, until: string | undefined): string {
  if (spanMs !== undefined && until === undefined) return formatInstant(context.clock.now() + spanMs);
  if (spanMs === undefined && until !== undefined) return readInstant(context, until);
  throw new FairleadError('time/one-end', {
    given: spanMs === undefined ? 'none' : `${formatDuration(spanMs)} and --until ${until}`,
  });
}

async function sign(
  context: CliContext,
  path: string,
  until: string,
  options: HoldOptions,
): Promise<HoldReceipt> {
  const { instance } = await context.client.call('GET', '/v1/status', statusReply);
  const passphrase = await readPassphrase(context, options, `Passphrase for ${path}:`);
  const key = await openApproverKey(path, passphrase);
  const at = formatInstant(context.clock.now());
  const { reason } = options;
  const by = key.name;
  return signHold({ schema: 'fairlead/hold@1', until, by, reason, instance: instance.id, at }, key);
}
