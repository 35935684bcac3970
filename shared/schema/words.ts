// The form in which a key of a document is described, and the forms that many keys have.

export interface KeyWords {
  /** What it may be, where type and limits alone do not say it: unit, form, bound. */
  readonly form?: string;
  readonly about: string;
  /** As JSON. */
  readonly example?: string;
}

export type Words = Readonly<Record<string, KeyWords>>;

export const DURATION = 'duration such as `PT30S`';
export const COMMAND = 'list of words, the program first';
export const RANGE = 'version range';
export const VERSION = 'semantic version';
export const DIGEST = '`sha256:` and 64 hexadecimal digits';
export const NAME = 'lower-case name, up to 64 characters';
export const INSTANT = 'instant in UTC';
/** Ends what is said of a key that stands in no manifest. */
export const PIPELINE = 'Written by the pipeline: it may not stand in a manifest.';
