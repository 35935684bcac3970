// The bill of materials of an install: what runs there, by what is signed; with the parts of each release, or with where its own bill is.
import { type Digest, hexOf } from '../encoding/digest.ts';
import type { JsonObject, JsonValue } from '../encoding/json.ts';
import { sbomPath } from '../protocol/publication.ts';
import type { ComponentKey } from '../schema/common.ts';
import { formatSbom, type Sbom, type SbomComponent, type SbomRef } from '../schema/sbom.ts';
import type { Version } from '../version/version.ts';

export interface InstalledPart {
  readonly component: ComponentKey;
  readonly version: Version;
  readonly tree: Digest;
  readonly sbom?: SbomRef | undefined;
  /** What `sbom` names, where it is at hand. */
  readonly bill?: Sbom | undefined;
}

/** `repository` is where its vendor publishes. The same install of the same releases is the same bytes. */
export function createInstallSbom(
  { id, name, repository }: { readonly id: string; readonly name: string; readonly repository: string },
  parts: readonly InstalledPart[],
): Uint8Array {
  const refs = parts.map(refOf);
  const inside = parts.flatMap((part) => dependenciesIn(part));
  const isWhole = parts.every(({ bill }) => bill !== undefined);
  return formatSbom({
    metadata: {
      lifecycles: [{ phase: 'operations' }],
      component: { type: 'application', 'bom-ref': id, name },
    },
    components: parts.map((part) => toComponent(part, repository)),
    dependencies: [{ ref: id, dependsOn: refs }, ...inside],
    compositions: [{ aggregate: isWhole ? 'unknown' : 'incomplete', assemblies: refs }],
  }).bytes;
}

function refOf({ component, version }: InstalledPart): string {
  return `${component}@${version}`;
}

function toComponent(part: InstalledPart, repository: string): JsonObject {
  const { component, version, tree, sbom, bill } = part;
  const [group = '', name = ''] = component.split('/');
  const address = sbom === undefined ? null : `${repository}/${sbomPath(hexOf(tree), hexOf(sbom.digest))}`;
  return {
    ...{ type: 'application', 'bom-ref': refOf(part), group, name, version },
    purl: `pkg:generic/${component}@${encodeURIComponent(version)}`,
    properties: [{ name: 'fairlead:tree', value: tree }],
    ...(sbom === undefined || address === null
      ? {}
      : {
          externalReferences: [
            { type: 'bom', url: address, hashes: [{ alg: 'SHA-256', content: hexOf(sbom.digest) }] },
          ],
        }),
    ...(bill?.components === undefined ? {} : { components: within(part, bill.components) }),
  };
}

/** Two releases may be made of the same package: each reference stands once in a bill. */
function within(part: InstalledPart, components: readonly SbomComponent[]): readonly JsonValue[] {
  return components.map(({ 'bom-ref': ref, components: inner, ...rest }) => ({
    ...(rest as unknown as JsonObject),
    ...(ref === undefined ? {} : { 'bom-ref': refWithin(part, ref) }),
    ...(inner === undefined ? {} : { components: within(part, inner) }),
  }));
}

function refWithin(part: InstalledPart, ref: string): string {
  // What a bill says of its own release is here said of the component.
  const isRoot = ref === part.bill?.metadata?.component?.['bom-ref'];
  return isRoot ? refOf(part) : `${refOf(part)}/${ref}`;
}

function dependenciesIn(part: InstalledPart): readonly JsonObject[] {
  return (part.bill?.dependencies ?? []).map(({ ref, dependsOn = [] }) => ({
    ref: refWithin(part, ref),
    dependsOn: dependsOn.map((one) => refWithin(part, one)),
  }));
}
