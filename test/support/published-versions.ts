// A repository with versions of one capability and advisories about them, published as a vendor would.
import {
  capability,
  changeOf,
  firstPublication,
  publicationOf,
  signRole,
  type VendorDocument,
} from './publications.ts';
import { addPack, type TestServer } from './server-under-test.ts';

/** Each version by a change of its own: CHG-1 and on unless the first has another number. */
export async function publishVersions(
  { context: { publisher }, store }: TestServer,
  versions: readonly string[],
  advisories: readonly VendorDocument[],
  first = 1,
): Promise<readonly VendorDocument[]> {
  await publisher.publish(firstPublication(publisher.onlineKeys), 'vendor');
  const released = await Promise.all(
    versions.map(async (version, i) => {
      const [tree, change] = [await addPack(store, version), `CHG-${first + i}`];
      const document = capability(version, tree, change);
      return { document, change: changeOf(document, version, tree, 'release', change) };
    }),
  );
  const documents = released.map(({ document }) => document);
  const roles = [
    ['security', signRole('security', 2, advisories)],
    ['releases', signRole('releases', 2, documents)],
  ] as const;
  const changes = released.map(({ change }) => change);
  await publisher.publish(publicationOf(roles, [...advisories, ...documents], changes), 'vendor');
  return documents;
}
