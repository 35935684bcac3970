// Values an operator keeps outside the configuration: `${env:NAME}` and `${file:PATH}`, read when a service starts.

export interface Reference {
  readonly kind: 'env' | 'file';
  /** The variable's name or the file's path. */
  readonly name: string;
}

/** The value as text, without one trailing line break. Error: setting/unreadable. The value is a secret: never log it. */
export type ReadReference = (reference: Reference) => Promise<string>;
