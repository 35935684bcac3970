// What is used of the CSAF validator, which comes without types.
declare module '@secvisogram/csaf-validator-lib/basic.js' {
  interface CsafResult {
    readonly isValid?: boolean;
    readonly errors?: readonly { readonly instancePath: string; readonly message?: string }[];
  }
  /** The strict schema and the mandatory tests (section 6.1), by their names. */
  const tests: Readonly<Record<string, (document: unknown) => CsafResult | Promise<CsafResult>>>;
  export = tests;
}
