// A gate before every port: it counts the calls of one agent process and lets any of them fail or be the last.
import { FairleadError } from '../../shared/errors/error.ts';

export interface Call {
  readonly port: string;
  readonly detail: string;
}

/** Decides what happens at the n-th call of this life (from 1). */
export type Faults = (
  call: Call,
  n: number,
) => 'none' | 'crash-before' | 'crash-after' | 'disk-full' | 'fail';

/** The agent process is dead: nothing it still tries has any effect. */
export class Crash extends Error {}

export interface Gate {
  wrap<Port extends object>(name: string, port: Port): Port;
  sleep(sleeping: Promise<void>): Promise<void>;
}

// Reading is free of effects: only what changes disk or machine, or asks it something, is a point to fail at.
const QUIET = new Set([
  'directoryOf',
  'dataDirectoryOf',
  'generations',
  'currentNumber',
  'records',
  'quarantine',
]);

export function createGate(calls: Call[], faults: Faults): Gate {
  let alive = true;
  const die = () => {
    alive = false;
    throw new Crash();
  };
  const verifyAlive = () => {
    if (!alive) throw new Crash();
  };
  return {
    wrap: (name, port) =>
      new Proxy(port, {
        get(target, key) {
          const method: unknown = Reflect.get(target, key);
          if (typeof method !== 'function' || typeof key !== 'string') return method;
          if (QUIET.has(key)) {
            return (...args: unknown[]) => {
              verifyAlive();
              return method.apply(target, args);
            };
          }
          return async (...args: unknown[]) => {
            verifyAlive();
            const call = { port: `${name}.${key}`, detail: describeCall(args[0]) };
            calls.push(call);
            const fault = faults(call, calls.length);
            if (fault === 'crash-before') die();
            if (fault === 'disk-full')
              throw new FairleadError('disk/full', { path: '/', needed: 1, free: 0 });
            if (fault === 'fail') throw new Error('the machine refuses');
            const result: unknown = await method.apply(target, args);
            verifyAlive();
            if (fault === 'crash-after') die();
            return result;
          };
        },
      }),
    async sleep(sleeping) {
      verifyAlive();
      await sleeping;
      verifyAlive();
    },
  };
}

function describeCall(argument: unknown): string {
  if (typeof argument !== 'object' || argument === null) return String(argument);
  const { kind, state, step, component, id } = argument as Record<string, unknown>;
  if (kind === 'entered') return `entered ${state}`;
  if (kind === 'intent' || kind === 'done') {
    const { action, component: of } = step as Record<string, unknown>;
    return `${kind} ${action}${of === null ? '' : ` ${of}`}`;
  }
  if ('exec' in argument && Array.isArray(argument.exec) && kind === 'exec') return String(argument.exec[0]);
  const tree = 'workingDirectory' in argument ? String(argument.workingDirectory) : '';
  if (tree.startsWith('/trees/')) return tree.slice('/trees/'.length);
  return String(component ?? id ?? kind ?? state ?? '');
}
