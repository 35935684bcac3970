// Errors of deploy.

export const DEPLOY_ERRORS = {} as const;
