// Reading `${env:NAME}` from the agent's environment and `${file:PATH}` from its disk, at the moment a service starts.
import { FairleadError, isFairleadError, systemCode } from '../../../shared/errors/error.ts';
import { readRegular } from '../../../shared/node/read-file.ts';
import type { ReadReference } from '../../ports/machine.ts';

const MAX_VALUE_BYTES = 32_768;

export const readReference: ReadReference = async ({ kind, name }) => {
  const refuse = (problem: string, cause?: unknown) =>
    new FairleadError('setting/unreadable', { kind, name, problem }, { cause });
  if (kind === 'env') {
    const value = process.env[name];
    if (value === undefined) throw refuse('it is not set');
    return value;
  }
  const bytes = await readRegular(name, MAX_VALUE_BYTES).catch((cause: unknown) => {
    throw refuse(isFairleadError(cause, 'disk/unreadable') ? cause.data.problem : systemCode(cause), cause);
  });
  // Editors and `echo` end a file with a line break that is not part of the secret.
  return bytes.toString('utf8').replace(/\r?\n$/, '');
};
