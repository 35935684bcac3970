// Publishing: the server's own keys, packs with their patches and bills of materials on their way in, and publications.
import { z } from 'zod';
import { digestFromHex } from '../../../shared/encoding/digest.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import {
  haltsKeyReply,
  onlineKeysReply,
  publicationReply,
  publicationRequest,
} from '../../../shared/protocol/publication.ts';
import { MAX_SBOM_BYTES } from '../../../shared/schema/sbom.ts';
import { noteAdvisories } from '../../db/advisory-revisions.ts';
import { appendAudit } from '../../db/audit.ts';
import { transact } from '../../db/transact.ts';
import { MAX_UPLOAD_BYTES, receivePack, receiveSbom } from '../../repository/pack-upload.ts';
import { hasPatch, receivePatch } from '../../repository/patch-upload.ts';
import { advisoriesIn } from '../../repository/public-files.ts';
import { hasPack, hasSbom } from '../../repository/publication.ts';
import { MAX_PUBLICATION_BYTES } from '../../repository/publisher.ts';
import { withUpload } from '../../repository/uploads.ts';
import { NEW_TREE, OLD_TREE, SBOM, SIGNED, TREE } from '../examples.ts';
import { defineRoute, type Route } from '../route.ts';

const PACK = '/api/v1/packs/:treeHex/full.pack';
const packParams = z.strictObject({
  treeHex: z.string().regex(/^[0-9a-f]{64}$/, { error: 'the 64 hexadecimal digits of a tree digest' }),
});

const PATCH = '/api/v1/packs/:treeHex/patches/:fromHex';
const patchParams = packParams.extend({
  fromHex: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'the 64 hexadecimal digits of the tree it starts at' }),
});

const SBOM_PATH = '/api/v1/packs/:treeHex/sboms/:sbomHex';
const sbomParams = packParams.extend({
  sbomHex: z.string().regex(/^[0-9a-f]{64}$/, { error: 'the 64 hexadecimal digits of its digest' }),
});

const onlineKeys = defineRoute({
  method: 'GET',
  path: '/api/v1/online-keys',
  access: 'public',
  tag: 'publishing',
  summary: 'The public keys that the root must name for snapshot and timestamp',
  reply: onlineKeysReply,
  example: { reply: { snapshot: '3d'.repeat(32), timestamp: '7a'.repeat(32) } },
  answer: async ({ publisher }) => publisher.onlineKeys,
});

const haltsKey = defineRoute({
  method: 'GET',
  path: '/api/v1/halts-key',
  access: 'public',
  tag: 'publishing',
  summary: 'The public key by which this server halts rollouts where the delegation of halts names it',
  reply: haltsKeyReply,
  example: { reply: { halts: '5c'.repeat(32) } },
  answer: async ({ publisher }) => ({ halts: publisher.haltsKey }),
});

const publish = defineRoute({
  method: 'POST',
  path: '/api/v1/publications',
  repeats: 'by-nature',
  keeps: true,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Publish metadata, documents and change records: all of it or nothing',
  maxBytes: MAX_PUBLICATION_BYTES,
  raw: 'stream',
  holds: publicationRequest,
  reply: publicationReply,
  example: {
    body: { metadata: [{ role: 'releases', bytes: SIGNED }], targets: [], changes: [] },
    reply: { snapshot: 1_795_176_480, timestamp: 1_795_176_480 },
  },
  // To the disk as it comes: only the publisher's own thread parses what may be this large.
  answer: async ({ publisher, config: { layout }, db, store, now }, ask) => {
    const reply = await withUpload(layout, ask.stream(), MAX_PUBLICATION_BYTES, (file) =>
      publisher.publishFile(file, ask.actor()),
    );
    // What fails here the hourly look does: it is published.
    await noteAdvisories(db, advisoriesIn(store, publisher.published()), now()).catch(() => undefined);
    return reply;
  },
});

const findPack = defineRoute({
  method: 'HEAD',
  path: PACK,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Whether the pack is here',
  params: packParams,
  example: { params: { treeHex: TREE } },
  answer: async ({ store }, { params: { treeHex } }) => {
    if (await hasPack(store, digestFromHex(treeHex))) return undefined;
    throw new FairleadError('request/not-found', { what: `pack of ${treeHex}` });
  },
});

const uploadPack = defineRoute({
  method: 'PUT',
  path: PACK,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Upload the pack of a tree; one that is here already stays',
  raw: 'stream',
  maxBytes: MAX_UPLOAD_BYTES,
  params: packParams,
  example: { params: { treeHex: NEW_TREE } },
  answer: async ({ config: { layout }, store, db, now }, ask) => {
    const { treeHex } = ask.params;
    // What is here was checked and may be downloading right now: it stays.
    if (await hasPack(store, digestFromHex(treeHex))) return undefined;
    const bytes = await receivePack({ layout, store }, treeHex, ask.stream());
    const event = { actor: ask.actor(), action: 'pack.received', subject: treeHex, details: { bytes } };
    await transact(db, 'committed', (trx) => appendAudit(trx, event, now()));
    return undefined;
  },
});

const findPatch = defineRoute({
  method: 'HEAD',
  path: PATCH,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Whether the patch from one tree to another is here, and listed',
  params: patchParams,
  example: { params: { treeHex: TREE, fromHex: OLD_TREE } },
  answer: async ({ store }, { params }) => {
    if (await hasPatch(store, params)) return undefined;
    throw new FairleadError('request/not-found', { what: `patch from ${params.fromHex}` });
  },
});

const uploadPatch = defineRoute({
  method: 'PUT',
  path: PATCH,
  access: ['publisher'],
  tag: 'publishing',
  summary:
    'Upload the patch from one tree to another, both of whose packs are here; one that is here already stays',
  raw: 'stream',
  maxBytes: MAX_UPLOAD_BYTES,
  params: patchParams,
  example: { params: { treeHex: TREE, fromHex: OLD_TREE } },
  answer: async ({ config: { layout }, store, db, now }, ask) => {
    if (await hasPatch(store, ask.params)) return undefined;
    const bytes = await receivePatch({ layout, store }, ask.params, ask.stream());
    const { treeHex, fromHex } = ask.params;
    const details = { from: fromHex, bytes };
    const event = { actor: ask.actor(), action: 'patch.received', subject: treeHex, details };
    await transact(db, 'committed', (trx) => appendAudit(trx, event, now()));
    return undefined;
  },
});

const findSbom = defineRoute({
  method: 'HEAD',
  path: SBOM_PATH,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Whether the bill of materials is here',
  params: sbomParams,
  example: { params: { treeHex: TREE, sbomHex: SBOM } },
  answer: async ({ store }, { params: { treeHex, sbomHex } }) => {
    if (await hasSbom(store, digestFromHex(treeHex), digestFromHex(sbomHex))) return undefined;
    throw new FairleadError('request/not-found', { what: `bill of materials ${sbomHex}` });
  },
});

const uploadSbom = defineRoute({
  method: 'PUT',
  path: SBOM_PATH,
  access: ['publisher'],
  tag: 'publishing',
  summary: 'Upload the bill of materials of a tree by its digest; one that is here already stays',
  raw: 'stream',
  maxBytes: MAX_SBOM_BYTES,
  params: sbomParams,
  example: { params: { treeHex: NEW_TREE, sbomHex: SBOM } },
  answer: async ({ config: { layout }, store, db, now }, ask) => {
    const { treeHex, sbomHex } = ask.params;
    if (await hasSbom(store, digestFromHex(treeHex), digestFromHex(sbomHex))) return undefined;
    const bytes = await receiveSbom({ layout, store }, ask.params, ask.stream());
    const event = { actor: ask.actor(), action: 'sbom.received', subject: sbomHex, details: { bytes } };
    await transact(db, 'committed', (trx) => appendAudit(trx, event, now()));
    return undefined;
  },
});

export const PUBLICATION_ROUTES: readonly Route[] = [
  ...[onlineKeys, haltsKey, publish],
  ...[findPack, uploadPack, findPatch, uploadPatch, findSbom, uploadSbom],
];
