// Errors of vendor.

export const VENDOR_ERRORS = {} as const;
