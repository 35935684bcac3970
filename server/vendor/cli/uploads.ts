// What is larger than a document, on its way to the server before the publication that names it: packs and bills of materials.
import { join } from 'node:path';
import { hexOf } from '../../../shared/encoding/digest.ts';
import { isFairleadError } from '../../../shared/errors/error.ts';
import { packPath, sbomPath } from '../../../shared/protocol/publication.ts';
import type { Release } from '../../../shared/schema/release.ts';
import { formatRef, refOf } from '../../../shared/schema/release-ref.ts';
import type { Signed } from '../workspace/documents.ts';
import type { Session } from '../workspace/passphrases.ts';
import { readNotes, readSignedSbom } from '../workspace/sboms.ts';
import type { ServerClient } from './server-client.ts';

/** Answers how many the server had not. */
export async function uploadPacks(
  server: ServerClient,
  session: Session,
  releases: readonly Signed<Release>[],
): Promise<number> {
  let uploaded = 0;
  for (const { document } of releases) {
    if (document.schema !== 'fairlead/capability@1') continue;
    const path = packPath(hexOf(document.tree.digest));
    if (await server.has(`/api/v1/${path}`)) continue;
    const step = `uploading ${document.suite}/${document.name}@${document.version}`;
    await server.upload(`/api/v1/${path}`, join(session.directory, path), (done, total) =>
      session.out.progress(step, done, total),
    );
    uploaded++;
  }
  return uploaded;
}

/** A server of an earlier version has no place for them, and publishes without. */
export async function uploadSboms(
  server: ServerClient,
  session: Session,
  releases: readonly Signed<Release>[],
): Promise<void> {
  const notes = await readNotes(session.directory);
  for (const { document, path } of releases) {
    const sbom = notes.get(path)?.sbom;
    if (document.schema !== 'fairlead/capability@1' || sbom === undefined) continue;
    const [tree, hex] = [hexOf(document.tree.digest), hexOf(sbom.digest)];
    await readSignedSbom(session.directory, document.tree.digest, sbom);
    const address = `/api/v1/packs/${tree}/sboms/${hex}`;
    if (await server.has(address)) continue;
    try {
      await server.upload(address, join(session.directory, sbomPath(tree, hex)), () => undefined);
    } catch (error) {
      if (!isFairleadError(error, 'vendor/server-refused') || error.data.status !== 404) throw error;
      const release = formatRef(refOf(document));
      session.out.note(`the server is of an earlier version: it has no bill of materials of ${release}`);
    }
  }
}
