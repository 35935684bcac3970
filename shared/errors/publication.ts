// Errors of publications: what the release server refuses to publish, and why.
import { EXIT, entry } from './entry.ts';

export const PUBLICATION_ERRORS = {
  'publication/no-root': entry<object>({
    message: () => 'nothing is published yet, so the first publication must bring a root and its targets',
    hint: () => 'publish the whole workspace: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/version-taken': entry<{ readonly role: string; readonly version: number }>({
    message: (d) => `version ${d.version} of ${d.role} is published already, with other content`,
    hint: () => 'sign it again with a higher version; what was published never changes',
    http: 409,
    exit: EXIT.refused,
  }),
  'publication/overtaken': entry<object>({
    message: () => 'another server publishes now: this one lost its database in the middle',
    hint: () => 'publish again: it is published as a whole or not at all, and what is there already stays',
    http: 503,
    exit: EXIT.unreachable,
  }),
  'publication/unknown-role': entry<{ readonly role: string }>({
    message: (d) => `no delegation leads to the role ${d.role}`,
    hint: () =>
      'delegate to it in the targets metadata, or leave it out; snapshot and timestamp are the server’s',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-root': entry<{ readonly version: number; readonly problem: string }>({
    message: (d) => `version ${d.version} of the root cannot be served here: ${d.problem}`,
    hint: () => 'sign a root with consistent snapshots that names the keys of GET /api/v1/online-keys',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/missing-metadata': entry<{ readonly role: string }>({
    message: (d) => `there is no metadata of the role ${d.role}, to which another role delegates`,
    hint: () => 'send it with the publication, even when it lists nothing: clients look for it',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/missing-target': entry<{ readonly role: string; readonly path: string }>({
    message: (d) => `${d.role} lists ${d.path}, which was neither sent nor published before`,
    hint: () => 'send the document with the metadata that lists it',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/target-mismatch': entry<{ readonly path: string }>({
    message: (d) => `the bytes of ${d.path} are not those that the metadata lists`,
    hint: () => 'sign and send the same bytes',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unlisted-target': entry<{ readonly path: string }>({
    message: (d) => `no metadata lists ${d.path}`,
    hint: () => 'send only documents that a role has signed for',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/path-not-allowed': entry<{ readonly role: string; readonly path: string }>({
    message: (d) => `${d.role} may not speak for ${d.path}`,
    hint: () => 'list it in the role whose delegation covers this path',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/wrong-document': entry<{ readonly path: string; readonly problem: string }>({
    message: (d) => `${d.path} is not the document its path promises: ${d.problem}`,
    hint: () => 'correct the document or its path and sign again',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/released-already': entry<{ readonly path: string }>({
    message: (d) => `${d.path} is released already, with other content`,
    hint: () => 'a release never changes: give the new content a new version',
    http: 409,
    exit: EXIT.refused,
  }),
  'publication/kept': entry<{ readonly path: string; readonly until: string | null }>({
    message: (d) =>
      d.until === null
        ? `${d.path} is listed no longer, and no day was signed from which it may go`
        : `${d.path} was promised to stay available until ${d.until} and no shorter`,
    hint: (d) =>
      d.until === null
        ? 'sign how long releases stay: fairlead-vendor retention set YEARS; then list it again'
        : 'list it again with that day; what the vendor keeps until when: fairlead-vendor retention show',
    http: 409,
    exit: EXIT.refused,
  }),
  'publication/missing-pack': entry<{ readonly path: string; readonly tree: string }>({
    message: (d) => `the pack of ${d.path} is not on the server: ${d.tree}`,
    hint: () => 'upload the pack first: PUT /api/v1/packs/TREE/full.pack',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-pack': entry<{ readonly tree: string; readonly problem: string }>({
    message: (d) => `this is not a pack of the tree ${d.tree}: ${d.problem}`,
    hint: () => 'build the component again and upload what it wrote: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-patch': entry<{ readonly from: string; readonly to: string; readonly problem: string }>({
    message: (d) => `this is no patch from the tree ${d.from} to ${d.to}: ${d.problem}`,
    hint: () => 'installs fetch the full pack meanwhile; make the patch again: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/unfit-sbom': entry<{ readonly sbom: string }>({
    message: (d) => `these are not the bytes of the bill of materials ${d.sbom}`,
    hint: () => 'upload what was signed: fairlead-vendor publish',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/missing-sbom': entry<{ readonly path: string; readonly sbom: string }>({
    message: (d) => `the bill of materials of ${d.path} is not on the server: ${d.sbom}`,
    hint: () => 'upload it first: PUT /api/v1/packs/TREE/sboms/SBOM',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-missing': entry<{ readonly path: string; readonly change: string }>({
    message: (d) => `${d.path} names the change ${d.change}, whose record the server does not have`,
    hint: () => 'send the change record with the release; no release stands outside the pipeline',
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-unfit': entry<{
    readonly path: string;
    readonly change: string;
    readonly problem: string;
  }>({
    message: (d) => `the change ${d.change} does not release ${d.path}: ${d.problem}`,
    hint: (d) => `walk the stages in order: fairlead-vendor change show ${d.change}`,
    http: 422,
    exit: EXIT.refused,
  }),
  'publication/change-rewritten': entry<{ readonly change: string }>({
    message: (d) => `the record of ${d.change} does not continue the one the server has`,
    hint: () => 'restore the record; what a stage has written is never rewritten',
    http: 409,
    exit: EXIT.refused,
  }),
} as const;
