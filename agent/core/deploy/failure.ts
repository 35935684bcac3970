// Failures of a deployment: what is recorded, and whether the release or its surroundings are to blame.
import { RELEASE_FAULTS } from '../../../shared/change/change.ts';
import { sanitizeLine } from '../../../shared/encoding/text.ts';
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import type { ComponentKey } from '../../../shared/schema/common.ts';
import type { Failure } from '../../../shared/schema/journal.ts';

/** The release did this: it is quarantined. Without a component every changed release is suspect. */
export function releaseFailure(error: FairleadError, component: ComponentKey | null): Failure {
  return describe(error, component, 'release');
}

/** The machine, the network or a person did this: the release is not to blame. */
export function environmentFailure(error: FairleadError, component: ComponentKey | null = null): Failure {
  return describe(error, component, 'environment');
}

/** What went wrong while one component was looked after: the others have nothing to do with it. */
export class ComponentTrouble extends Error {
  readonly component: ComponentKey;

  constructor(component: ComponentKey, cause: unknown) {
    super(cause instanceof Error ? cause.message : 'it failed', { cause });
    this.component = component;
  }
}

/** Thrown where another process goes on with what is under way, the way forward or back: nothing has failed. */
export class HandedOver extends Error {
  constructor() {
    super('another process goes on');
  }
}

/** A failure from whatever was thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof ComponentTrouble) {
    return { ...failureOf(error.cause), component: error.component };
  }
  if (!isFairleadError(error)) {
    const problem = error instanceof Error ? error.message : 'it is not an error';
    return environmentFailure(new FairleadError('deploy/unexpected', { problem }));
  }
  const describeAs = isFairleadError(error, ...RELEASE_FAULTS) ? releaseFailure : environmentFailure;
  return describeAs(error, componentIn(error));
}

function componentIn({ data }: FairleadError): ComponentKey | null {
  return 'component' in data ? (data.component as ComponentKey) : null;
}

function describe(error: FairleadError, component: ComponentKey | null, fault: Failure['fault']): Failure {
  return { code: error.code, message: sanitizeLine(error.message, 500), component, fault };
}
