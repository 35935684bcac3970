// Errors of trust.

export const TRUST_ERRORS = {} as const;
