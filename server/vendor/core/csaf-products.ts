// The products of a CSAF document: every released version of what an advisory names, and every affected range, each with its status.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Interval } from '../../../shared/version/intervals.ts';
import type { Version } from '../../../shared/version/version.ts';
import { type ExportInput, type Standing, standingsOf } from './advisory-export.ts';
import { nearestFix } from './advisory-impact.ts';
import type { PackageName } from './osv-packages.ts';

export type ProductStatus = 'known_affected' | 'fixed' | 'known_not_affected' | 'under_investigation';

export interface Product {
  readonly id: string;
  readonly component: ComponentKey;
  readonly status: ProductStatus;
  /** Of what is affected: the version to go to, null where there is none yet. */
  readonly fix: Version | null;
  /** As the tree shows it below its component. */
  readonly branch: object;
}

/** The lowest version of all: where an interval begins that has no beginning. */
const LOWEST = '0.0.0-0' as Version;

export function productsOf(input: ExportInput): readonly Product[] {
  const products = standingsOf(input).flatMap((standing) => {
    const { component, affected, fixed, others, intervals } = standing;
    const of = (versions: readonly Version[], status: ProductStatus) =>
      versions.map((version) => productOf(input, component, version, status));
    // What was taken back says neither that something is affected nor that it is not.
    const open: ProductStatus = input.advisory.withdrawn ? 'under_investigation' : 'known_affected';
    return [
      ...of(affected, open),
      ...of(fixed, 'fixed'),
      ...of(others, 'known_not_affected'),
      ...intervals.map((interval) => rangeOf(input, standing, interval, open)),
    ];
  });
  // Two entries of an advisory may say the same.
  return [...new Map(products.map((product) => [product.id, product])).values()];
}

/** Vendor, component, version: as the specification wants the tree. */
export function treeOf(vendor: string, products: readonly Product[]): object {
  const components = Map.groupBy(products, ({ component }) => component);
  const branches = [...components].map(([component, own]) => ({
    ...{ category: 'product_name', name: component },
    branches: own.map(({ branch }) => branch),
  }));
  return { branches: [{ category: 'vendor', name: vendor, branches }] };
}

function productOf(
  { advisory, packages }: ExportInput,
  component: ComponentKey,
  version: Version,
  status: ProductStatus,
): Product {
  const id = `${component}@${version}`;
  const purl = purlOf(component, packages);
  const helper = purl === null ? {} : { product_identification_helper: { purl: `${purl}@${version}` } };
  return {
    ...{ id, component, status, fix: nearestFix(advisory, component, version) },
    branch: {
      ...{ category: 'product_version', name: version },
      product: { name: `${component} ${version}`, product_id: id, ...helper },
    },
  };
}

function rangeOf(
  { advisory }: ExportInput,
  { component }: Standing,
  interval: Interval,
  status: ProductStatus,
): Product {
  const name = versOf(interval);
  const id = `${component}@${name}`;
  return {
    ...{ id, component, status, fix: nearestFix(advisory, component, interval.from ?? LOWEST) },
    branch: {
      ...{ category: 'product_version_range', name },
      product: { name: `${component} ${name}`, product_id: id },
    },
  };
}

/** A version range specifier: what the specification recommends for ranges. */
function versOf({ from, to }: Interval): string {
  if (from === null && to === null) return 'vers:semver/*';
  if (from !== null && to?.isInside === true && to.version === from) return `vers:semver/${from}`;
  const bounds = [
    ...(from === null ? [] : [`>=${from}`]),
    ...(to === null ? [] : [`${to.isInside ? '<=' : '<'}${to.version}`]),
  ];
  return `vers:semver/${bounds.join('|')}`;
}

function purlOf(component: ComponentKey, packages: readonly PackageName[]): string | null {
  const found = packages.find((one) => one.component === component && one.package.startsWith('pkg:'));
  return found?.package ?? null;
}
