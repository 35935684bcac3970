// fairlead sbom: what this install is made of, as CycloneDX, from what the running agent says of it.
import { z } from 'zod';
import { safeJson } from '../../../shared/encoding/text.ts';
import { createInstallSbom } from '../../../shared/present/install-sbom.ts';
import { statusReply } from '../../../shared/protocol/admin.ts';
import { type CliContext, show } from '../context.ts';

/** The bill has the form of CycloneDX. */
export const sbomAnswer = z.strictObject({
  schema: z.literal('fairlead/sbom@1'),
  bill: z.looseObject({ bomFormat: z.literal('CycloneDX'), specVersion: z.literal('1.6') }),
});

/** Without --json the bill alone: what other tools read. */
export async function sbom(context: CliContext): Promise<number> {
  const { instance, components } = await context.client.call('GET', '/v1/status', statusReply);
  const { id, name, server } = instance;
  const bytes = createInstallSbom({ id, name, repository: `${server}/repository` }, components);
  const bill = JSON.parse(Buffer.from(bytes).toString());
  show(context, sbomAnswer.parse({ schema: 'fairlead/sbom@1', bill }), () => [safeJson(bill, 2)]);
  return 0;
}
