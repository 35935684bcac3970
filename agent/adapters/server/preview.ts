// What would leave this machine, byte by byte: the code that sends it sends it to a recorder, under a key that was made for that.
import { generateKeyPairSync } from 'node:crypto';
import { hostname } from 'node:os';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { REDEEM_PATH, redeemReply } from '../../../shared/protocol/enrolment.ts';
import { packPath } from '../../../shared/protocol/publication.ts';
import type { Clock } from '../../ports/machine.ts';
import type { Sample, Samples } from '../../ports/server.ts';
import { AGENT_VERSION } from '../machine/surroundings.ts';
import { createHttpSource, repositoryUrls } from '../repository/http-source.ts';
import type { Identity } from './enrolment-file.ts';
import { postJson } from './post-json.ts';
import { createRecorder, type Recorder } from './recorder.ts';
import { createServerChannel, sayGoodbye, signToken } from './server-channel.ts';

export interface PreviewOptions {
  readonly server: string;
  readonly instance: string;
  readonly clock: Clock;
}

const HASH = '0'.repeat(64);
const ANY_BYTES = 1 << 20;

/**
 * Every kind of request once. Instance, claims and lengths are the real ones; the signature is another key's, and the pass is
 * nobody's: whoever reads along can do nothing with them.
 */
export async function previewRequests(options: PreviewOptions, samples: Samples): Promise<Sample[]> {
  const recorder = await createRecorder();
  try {
    const sent: Sample[] = [];
    for (const [kind, send] of sendingOf(options, samples, recorder)) {
      // What the far end answers is of no interest.
      await send().catch(() => undefined);
      const bytes = recorder.taken();
      if (bytes !== '') sent.push({ kind, bytes });
    }
    return sent;
  } finally {
    await recorder.close();
  }
}

function sendingOf(
  options: PreviewOptions,
  { report, answers }: Samples,
  { http, connection }: Recorder,
): readonly (readonly [kind: string, send: () => Promise<unknown>])[] {
  const { server, instance, clock } = options;
  const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }) as Identity;
  const identity = async () => key;
  const channel = createServerChannel({ server, instance, clock, identity, http, connection });
  const credential = () => signToken({ instance, clock, identity }, null);
  const source = createHttpSource(repositoryUrls(server), http, credential);
  const held = `sha-256=:${'A'.repeat(43)}=:`;
  const hush = { onOpen: () => undefined, onHint: () => undefined };
  const heartbeat = { sequence: report.sequence + 1, report: held };
  const enrolment = {
    ...{ code: 'THE-CODE-OF-THE-STRING', publicKey: key.x },
    ...{ hostname: sanitizeLine(hostname()), agentVersion: AGENT_VERSION },
  };
  const redeem = `${server}${REDEEM_PATH}`;
  return [
    [
      'metadata',
      () => source.metadata('timestamp.json', { maxBytes: ANY_BYTES, unless: '"0123456789abcdef"' }),
    ],
    ['document', () => source.document('suites/name/1.0.0.json', HASH, ANY_BYTES)],
    ['pack', () => http.get(`${server}/repository/${packPath(HASH)}`, { maxBytes: ANY_BYTES })],
    ['listen', () => channel.listen(hush, AbortSignal.timeout(LISTEN_MS))],
    ['report', () => channel.send(report)],
    ['heartbeat', () => channel.beat(heartbeat)],
    ['proposals', () => channel.proposals(null)],
    ['answers', async () => (answers.length === 0 ? null : channel.answerProposals(answers))],
    ['enrolment', () => postJson(http, redeem, enrolment, redeemReply)],
    ['leave', () => sayGoodbye({ server, instance, clock, identity, http }, 'https://releases.example.org')],
  ];
}

const LISTEN_MS = 2_000;
