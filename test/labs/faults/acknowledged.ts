// What an operation was told is durable, before it died: none of it may ever be lost.
import type { DeploymentState } from '../../../shared/schema/deployment.ts';

export type Acknowledged =
  | { readonly kind: 'state'; readonly deployment: number; readonly state: DeploymentState }
  | { readonly kind: 'trusted'; readonly versions: Readonly<Record<string, number>> }
  | { readonly kind: 'answered'; readonly plan: string; readonly verdict: 'approve' | 'deny' }
  /** Whatever else an operator asked for. */
  | { readonly kind: 'done'; readonly what: 'channel' | 'hold' | 'repair' | 'lift' };

export type Acknowledge = (fact: Acknowledged) => void;

export function isDone(fact: Acknowledged): boolean {
  return fact.kind === 'done';
}
