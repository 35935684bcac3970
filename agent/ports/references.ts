// Values an operator keeps outside the configuration: `${env:NAME}` and `${file:PATH}`, read when a service starts.
import type { Reference } from '../../shared/compile/references.ts';

/** The value as text, without one trailing line break. Error: setting/unreadable. The value is a secret: never log it. */
export type ReadReference = (reference: Reference) => Promise<string>;
