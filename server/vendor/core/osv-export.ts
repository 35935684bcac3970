// An advisory as an OSV record.
import type { ComponentKey } from '../../../shared/schema/common.ts';
import { cvssVersionOf } from '../../../shared/schema/cvss.ts';
import type { Interval } from '../../../shared/version/intervals.ts';
import { type ExportInput, newestOf, type Standing, standingsOf } from './advisory-export.ts';
import type { PackageName } from './osv-packages.ts';

const SCHEMA_VERSION = '1.7.3';

/**
 * The databases that OSV knows by the beginning of their ids (schema, `$defs/prefix`): its schema takes no other as the id of
 * a record, but any as an alias.
 */
const DATABASES =
  /^(?:ASB-A|PUB-A|ALPINE|ALSA|ALBA|ALEA|BELL|BIT|CGA|CURL|CVE|DEBIAN|DRUPAL|DSA|DLA|ELA|DTSA|ECHO|EEF|FreeBSD|GHSA|GO|GSD|HSEC|JLSEC|KUBE|LBSEC|LSN|MAL|MINI|MGASA|OESA|OSV|openSUSE-SU|PHSA|PSF|PYSEC|RHBA|RHEA|RHSA|RLSA|RXSA|RSEC|ROOT|RUSTSEC|SUSE-[SRFO]U|UBUNTU|USN|V8)-/;

export interface OsvExport {
  readonly record: object;
  /** Under its own id, though OSV's schema knows no database of that name. */
  readonly isUnregistered: boolean;
}

/** Of the ids one that OSV knows, its own before others'. */
export function exportOsv(input: ExportInput): OsvExport {
  const { advisory, details, exploited, revisions } = input;
  const ids = [advisory.id, ...(details.aliases ?? []), ...advisory.cves];
  const id = ids.find((one) => DATABASES.test(one)) ?? advisory.id;
  const modified = newestOf(revisions);
  const text = [details.impact, advisory.notes, details.action].filter((part) => part !== undefined);
  const aliases = [...new Set(ids)].filter((one) => one !== id);
  const record = {
    schema_version: SCHEMA_VERSION,
    ...{ id, modified, published: advisory.published },
    ...(advisory.withdrawn ? { withdrawn: modified } : {}),
    ...(aliases.length === 0 ? {} : { aliases }),
    summary: advisory.title,
    ...(text.length === 0 ? {} : { details: text.join('\n\n') }),
    ...(details.cvss === undefined ? {} : { severity: details.cvss.map(severityOf) }),
    affected: standingsOf(input).flatMap((standing) => affectedOf(standing, input.packages)),
    ...(details.references === undefined
      ? {}
      : { references: details.references.map(({ kind, url }) => ({ type: kind.toUpperCase(), url })) }),
    database_specific: {
      severity: advisory.severity,
      ...(exploited ? { exploited } : {}),
      ...(details.exploitedSince === undefined ? {} : { exploited_since: details.exploitedSince }),
    },
  };
  return { record, isUnregistered: !DATABASES.test(id) };
}

function severityOf(vector: string): { readonly type: string; readonly score: string } {
  return { type: cvssVersionOf(vector).startsWith('3') ? 'CVSS_V3' : 'CVSS_V4', score: vector };
}

/** One entry for each package that the component is released as, or one without a package. */
function affectedOf({ component, intervals, affected }: Standing, packages: readonly PackageName[]) {
  const rest = {
    // Of intervals in one range an end with and one without its version may not stand together.
    ranges: intervals.map((interval) => ({ type: 'SEMVER', events: eventsOf(interval) })),
    ...(affected.length === 0 ? {} : { versions: affected }),
    database_specific: { component },
  };
  const named = packagesOf(component, packages);
  return named.length === 0 ? [rest] : named.map((one) => ({ package: one, ...rest }));
}

/** Elsewhere it is the ecosystem that may hold one: `Debian:12`. */
const COLON_IN_NAMES = /^(?:Maven|Android):/;

function packagesOf(component: ComponentKey, packages: readonly PackageName[]) {
  const names = packages.filter((one) => one.component === component).map((one) => one.package);
  const purls = names.filter((name) => name.startsWith('pkg:'));
  return names.flatMap((name) => {
    if (name.startsWith('pkg:')) return [];
    const colon = COLON_IN_NAMES.test(name) ? name.indexOf(':') : name.lastIndexOf(':');
    // Of several packages nothing says which of them a purl is of.
    const purl = names.length - purls.length === 1 ? purls[0] : undefined;
    return [
      {
        ...{ ecosystem: name.slice(0, colon), name: name.slice(colon + 1) },
        ...(purl === undefined ? {} : { purl }),
      },
    ];
  });
}

function eventsOf({ from, to }: Interval): readonly object[] {
  const introduced = { introduced: from ?? '0' };
  if (to === null) return [introduced];
  return [introduced, to.isInside ? { last_affected: to.version } : { fixed: to.version }];
}
