// What each key of an advisory, a rollout and a halt is for: carried into the JSON Schemas and the reference page.
import { DIGEST, DURATION, INSTANT, NAME, RANGE, VERSION, type Words } from './words.ts';

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
  seed: { form: 'one line', about: 'Mixed with an install’s id to place it in a wave.' },
  start: { form: INSTANT, about: 'When the first wave opens.' },
  waves: { form: 'list, 1 to 20', about: 'Growing shares of the fleet; the last is everybody.' },
  'waves[].percent': { form: 'percent, 1 to 100', about: 'The share that is offered it.', example: '10' },
  'waves[].after': { form: DURATION, about: 'How long after the start.', example: '"PT1H"' },
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
