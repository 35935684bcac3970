// Errors of server.

export const SERVER_ERRORS = {} as const;
