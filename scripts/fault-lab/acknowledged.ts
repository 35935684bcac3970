// What an operation was told is durable, before it died: none of it may ever be lost.
import type { DeploymentState } from '../../shared/schema/deployment.ts';

export type Acknowledged =
  | { readonly kind: 'state'; readonly deployment: number; readonly state: DeploymentState }
  | { readonly kind: 'audited'; readonly event: string; readonly deployment: number }
  | { readonly kind: 'trusted'; readonly versions: Readonly<Record<string, number>> }
  | { readonly kind: 'channel'; readonly channel: string };

export type Acknowledge = (fact: Acknowledged) => void;
