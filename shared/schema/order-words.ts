// What each key of an advisory, a rollout and a halt is for: carried into the JSON Schemas and the reference page.
import { DIGEST, DURATION, INSTANT, NAME, RANGE, VERSION, type Words } from './words.ts';

/** Of the classes that stand at a key. */
function classWords(at: string, about: string): Words {
  const of = (fact: string, what: string, example: string) => ({
    [`${at}[].${fact}`]: {
      form: 'list of names, 1 to 20',
      about: `${what}: one of these.`,
      example: `["${example}"]`,
    },
  });
  return {
    [at]: { form: 'list, 1 to 20', about },
    ...of('os', 'The operating system, with its major version or whichever', 'debian:12'),
    ...of('arch', 'The processor', 'arm64'),
    ...of('driver', 'What runs its services', 'systemd'),
    ...of('suite', 'An enabled suite', 'core'),
    ...of('region', 'Its region, as its operator says', 'eu-west'),
    ...of('database', 'A database that it uses, as its operator says', 'postgresql:16'),
  };
}

export const ADVISORY_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  id: {
    form: 'capital letters, then parts after hyphens',
    about: 'Its name for good.',
    example: '"FL-2026-0003"',
  },
  title: { form: 'one line', about: 'What the hole is, for operators.', example: '"Token reuse"' },
  severity: { about: 'A critical one forces its fix; others follow each install’s channel.' },
  cves: {
    form: 'list of CVE ids, up to 50',
    about: 'The CVE records behind it.',
    example: '["CVE-2026-1234"]',
  },
  affected: { form: 'list, 1 to 200', about: 'What has the hole.' },
  'affected[].component': { form: '`suite/capability`', about: 'The component.', example: '"core/auth"' },
  'affected[].versions': {
    form: RANGE,
    about: 'Its versions with the hole; pre-releases count by their order.',
    example: '"<1.0.1"',
  },
  fixed: {
    form: 'list, up to 200',
    about: 'What to move to. Each is released, and outside of the affected range.',
  },
  'fixed[].component': { form: '`suite/capability`', about: 'The component.', example: '"core/auth"' },
  'fixed[].version': { form: VERSION, about: 'A version without the hole.', example: '"1.0.1"' },
  order: { about: 'The emergency order: on every critical advisory, and on no other.' },
  'order.notice': {
    form: 'duration up to `P30D`',
    about: 'How long an install may still wait for its own window.',
    example: '"PT4H"',
  },
  'order.deadline': {
    form: INSTANT,
    about: 'From then on windows no longer count.',
    example: '"2026-12-31T00:00:00Z"',
  },
  published: { form: INSTANT, about: 'When it was published first.' },
  withdrawn: { about: 'It forces nothing any more.', example: 'true' },
  notes: { form: 'text, up to 20,000 characters', about: 'What operators should know.' },
};

export const ADVISORY_DETAILS_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  advisory: {
    form: 'an advisory’s id',
    about: 'The advisory that it belongs to.',
    example: '"FL-2026-0003"',
  },
  aliases: {
    form: 'list of ids, 1 to 50',
    about: 'Its names in other databases; CVE ids stand in the advisory.',
    example: '["GHSA-jfh8-c2jp-5v3q"]',
  },
  cvss: {
    form: 'list of vectors, 1 to 3',
    about: 'CVSS of version 3.0, 3.1 and 4.0, each at most once. Scores are computed, and stand nowhere.',
    example: '["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"]',
  },
  references: { form: 'list, 1 to 50', about: 'Where more is told.' },
  'references[].url': {
    form: 'an address of the web, without an account',
    about: 'Its address.',
    example: '"https://example.com/advisories/1"',
  },
  'references[].kind': { about: 'What stands there, as OSV names it.' },
  impact: { form: 'text, up to 5,000 characters', about: 'What somebody can do with the hole.' },
  action: {
    form: 'text, up to 5,000 characters',
    about: 'What an operator should do besides taking the fix, or until there is one.',
  },
  exploitedSince: {
    form: INSTANT,
    about: 'Since when the hole is known to be in use.',
    example: '"2026-11-28T09:00:00Z"',
  },
};

const SEED: Words[string] = {
  form: 'one line',
  about: 'Mixed with an install’s id to place it in a wave.',
};
const AFTER: Words[string] = { form: DURATION, about: 'How long after the start.', example: '"PT1H"' };

export const ORDER_TERMS_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  advisory: {
    form: 'an advisory’s id',
    about: 'The advisory whose order it is about.',
    example: '"FL-2026-0003"',
  },
  exploited: { about: 'The hole is in use already.', example: 'true' },
  seed: SEED,
  start: { form: INSTANT, about: 'When the first wave is forced.' },
  waves: {
    form: 'list, 1 to 20',
    about:
      'Growing shares of the fleet; the last is everybody. At the order’s deadline they no longer count.',
  },
  'waves[].percent': { form: 'percent, 1 to 100', about: 'The share that is forced.', example: '1' },
  'waves[].after': AFTER,
};

export const ROLLOUT_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  release: { about: 'What is offered.' },
  'release.kind': { about: 'The level of the release.' },
  'release.version': { form: VERSION, about: 'Its version.', example: '"2.5.0"' },
  'release.name': { form: NAME, about: 'The suite or capability.', example: '"auth"' },
  'release.suite': { form: NAME, about: 'The capability’s suite.', example: '"core"' },
  digest: { form: DIGEST, about: 'The release document’s exact bytes.' },
  track: {
    form: NAME,
    about: 'Whom it is offered to: installs that follow this track.',
    example: '"stable"',
  },
  ...classWords(
    'classes',
    'Whom it is for: installs in one of these classes, with everything that the class asks for. All where it is absent.',
  ),
  seed: SEED,
  start: { form: INSTANT, about: 'When the first wave opens.' },
  waves: { form: 'list, 1 to 20', about: 'Growing shares of the fleet; the last is everybody.' },
  'waves[].percent': { form: 'percent, 1 to 100', about: 'The share that is offered it.', example: '10' },
  'waves[].after': AFTER,
  ...classWords('waves[].classes', 'The share is of these alone; the last wave has none.'),
  paused: { about: 'Nobody new is offered it.', example: 'true' },
  withdrawn: { about: 'It is installed nowhere any more, and never removed.', example: 'true' },
};

export const HALT_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  digest: { form: DIGEST, about: 'The release that is stopped.' },
  reason: { form: 'one line', about: 'Shown to every operator.', example: '"errors on login"' },
  issued: { form: INSTANT, about: 'When it was signed.' },
  expires: { form: 'instant in UTC, at most 72 hours later', about: 'When it ends by itself.' },
};

export const HALT_SCOPE_WORDS: Words = {
  schema: { about: 'Names the kind of document and its form.' },
  digest: { form: DIGEST, about: 'The release that the halt stops.' },
  ...classWords(
    'classes',
    'Whom the halt stops: installs in one of the classes, and those that cannot tell.',
  ),
};
