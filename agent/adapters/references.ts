// Reading `${env:NAME}` from the agent's environment and `${file:PATH}` from its disk, at the moment a service starts.
import { readFile } from 'node:fs/promises';
import { FairleadError } from '../../shared/errors/error.ts';
import type { ReadReference } from '../ports/references.ts';

const MAX_VALUE_BYTES = 32_768;

export const readReference: ReadReference = async ({ kind, name }) => {
  const refuse = (problem: string, cause?: unknown) =>
    new FairleadError('setting/unreadable', { kind, name, problem }, { cause });
  if (kind === 'env') {
    const value = process.env[name];
    if (value === undefined) throw refuse('it is not set');
    return value;
  }
  const bytes = await readFile(name).catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw refuse(code, cause);
  });
  if (bytes.length > MAX_VALUE_BYTES) throw refuse(`it holds more than ${MAX_VALUE_BYTES} bytes`);
  // Editors and `echo` end a file with a line break that is not part of the secret.
  return bytes.toString('utf8').replace(/\r?\n$/, '');
};
