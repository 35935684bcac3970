// Publishing: the server's own keys, packs on their way in, and publications.
import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { digestFromHex } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  onlineKeysReply,
  publicationReply,
  publicationRequest,
} from '../../../shared/protocol/publication.ts';
import type { Context } from '../../context.ts';
import { appendAudit } from '../../db/audit.ts';
import { MAX_UPLOAD_BYTES, receivePack } from '../../repository/pack-upload.ts';
import { hasPack } from '../../repository/publication.ts';
import { parseBody, parseParams } from '../bodies.ts';
import { actorOf } from '../caller.ts';
import { describeRoute } from '../description.ts';

/** Twenty thousand documents of a few kilobytes, in base64. */
const MAX_PUBLICATION_BYTES = 128 * 2 ** 20;

const packParams = z.strictObject({
  treeHex: z.string().regex(/^[0-9a-f]{64}$/, { error: 'the 64 hexadecimal digits of a tree digest' }),
});

export function addPublicationRoutes(app: FastifyInstance, context: Context): void {
  const { publisher } = context;
  const onlineKeys = describeRoute({
    summary: 'The public keys that the root must name for snapshot and timestamp',
    tag: 'publishing',
    reply: onlineKeysReply,
  });
  app.get('/api/v1/online-keys', { schema: onlineKeys }, async () => publisher.onlineKeys);

  const publication = describeRoute({
    summary: 'Publish metadata, documents and change records: all of it or nothing',
    tag: 'publishing',
    body: publicationRequest,
    reply: publicationReply,
  });
  const options = { schema: publication, bodyLimit: MAX_PUBLICATION_BYTES };
  app.post('/api/v1/publications', options, async (request) =>
    publisher.publish(parseBody(publicationRequest, request), actorOf(request)),
  );
  addPackRoutes(app, context);
}

function addPackRoutes(app: FastifyInstance, { config, db, now }: Context): void {
  const { layout } = config;
  const url = '/api/v1/packs/:treeHex/full.pack';
  const head = describeRoute({ summary: 'Whether the pack is here', tag: 'publishing', params: packParams });
  app.head(url, { schema: head }, async (request, reply) => {
    const { treeHex } = parseParams(packParams, request);
    const found = await hasPack(layout, digestFromHex(treeHex));
    return reply.status(found ? 200 : 404).send();
  });

  const put = describeRoute({ summary: 'Upload the pack of a tree', tag: 'publishing', params: packParams });
  app.put(url, { schema: put, bodyLimit: MAX_UPLOAD_BYTES }, async (request, reply) => {
    const { treeHex } = parseParams(packParams, request);
    // What is here was checked and may be downloading right now: it stays.
    if (await hasPack(layout, digestFromHex(treeHex))) return reply.status(204).send();
    const body = request.body as Readable | undefined;
    if (typeof body?.pipe !== 'function') {
      throw new FairleadError('request/invalid', { problem: 'a pack is sent as application/octet-stream' });
    }
    const bytes = await receivePack(layout, treeHex, body);
    const event = { actor: actorOf(request), action: 'pack.received', subject: treeHex, details: { bytes } };
    await db.transaction().execute((trx) => appendAudit(trx, event, now()));
    return reply.status(204).send();
  });
}
