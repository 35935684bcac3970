// Health probes on the real machine: asked as every program asks them, commands under the account of their service.
import { ask } from '../../../shared/node/probes/ask.ts';
import type { Command } from '../../core/deploy/health.ts';
import type { Prober } from '../../ports/machine.ts';
import { runCommand } from './run-command.ts';

export function createProber(): Prober {
  return {
    probe: (probe, signal) => ask<Command>(probe, runCommand, signal),
  };
}
