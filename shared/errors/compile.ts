// Errors of compile.

export const COMPILE_ERRORS = {} as const;
