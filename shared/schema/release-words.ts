// What each key of a release is for: carried into the JSON Schemas and the reference page.
import { SERVICE_WORDS } from './service-words.ts';
import { DIGEST, INSTANT, NAME, PIPELINE, RANGE, VERSION, type Words } from './words.ts';

const PIPELINE_WORDS: Words = {
  schema: { about: `Names the kind of document and its form. ${PIPELINE}` },
  version: { form: VERSION, about: `The version: used once. ${PIPELINE}`, example: '"1.0.1"' },
  change: { about: `The change behind it. ${PIPELINE}` },
  'change.id': { form: '`CHG-` and a number', about: `The change. ${PIPELINE}`, example: '"CHG-42"' },
  'change.revision': {
    form: 'one line',
    about: `The source revision. ${PIPELINE}`,
    example: '"git:9f1c2ab"',
  },
  'change.scope': { form: 'one line', about: `What changes. ${PIPELINE}` },
  'change.builtAt': { form: INSTANT, about: `When it was built first. ${PIPELINE}` },
};

const RELEASE_WORDS: Words = {
  ...PIPELINE_WORDS,
  requires: {
    form: `${RANGE} by component`,
    about: 'What must run beside it: `platform`, a suite, or `suite/capability`. Never the release itself.',
    example: '{ "platform": ">=2.4.0 <3", "core/api": "^2.0.0" }',
  },
  requiredStop: {
    about: 'A version that no install may skip on its way up, such as one that migrates data.',
    example: 'true',
  },
  notes: { form: 'text, up to 20,000 characters', about: 'Release notes, for whoever approves.' },
};

export const CAPABILITY_WORDS: Words = {
  ...RELEASE_WORDS,
  suite: { form: NAME, about: `The suite it belongs to. ${PIPELINE}` },
  name: { form: NAME, about: `Its name in the suite. ${PIPELINE}` },
  tree: { about: `Its files. ${PIPELINE}` },
  'tree.digest': { form: DIGEST, about: `The identity of all files together. ${PIPELINE}` },
  'tree.files': { about: `How many files. ${PIPELINE}` },
  'tree.bytes': { form: 'bytes', about: `The sum of their sizes. ${PIPELINE}` },
  writable: {
    form: 'list of directories of the tree, up to 32',
    about:
      'What the service writes to beside its code, such as a cache. Nothing below is verified, and nothing outlives the version.',
    example: '["cache"]',
  },
  ...SERVICE_WORDS,
  reversible: {
    about: 'How it may be left for an older version: freely, by restoring its snapshot, or not at all.',
    example: '"snapshot"',
  },
};

export const SUITE_WORDS: Words = {
  ...RELEASE_WORDS,
  name: { form: NAME, about: `The suite. ${PIPELINE}` },
  capabilities: {
    form: `${RANGE} by capability`,
    about: 'What it ships. Exact, or a range where newer patches may flow without a new suite.',
    example: '{ "auth": "~1.0.0", "api": "2.1.0" }',
  },
};

export const PLATFORM_WORDS: Words = {
  ...RELEASE_WORDS,
  suites: {
    form: `${RANGE} by suite`,
    about: 'What it ships.',
    example: '{ "core": "1.2.0", "analytics": "~1.0.0" }',
  },
};
