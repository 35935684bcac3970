// Waves: when a rollout offers its release to one instance, computed from the signed rollout alone.
import { createHash } from 'node:crypto';
import { utf8 } from '../encoding/bytes.ts';
import { durationMs } from '../encoding/duration.ts';
import { type EpochMs, instantMs } from '../encoding/instant.ts';
import type { Rollout } from '../schema/rollout.ts';

/** The first instant at which a wave reaches the instance: the last one reaches everybody. */
export function offeredAt(rollout: Rollout, instance: string): EpochMs {
  const start = instantMs(rollout.start);
  // Most rollouts are one wave for everyone: no need to know where the instance stands.
  const isForAll = rollout.waves.every((wave) => wave.percent === 100);
  const position = isForAll ? 0 : wavePosition(rollout.seed, instance);
  const reached = rollout.waves.filter((wave) => wave.percent > position);
  return Math.min(...reached.map((wave) => start + durationMs(wave.after)));
}

/** Where an instance stands in a rollout's waves: evenly spread over [0, 100), another place for every seed. */
export function wavePosition(seed: string, instance: string): number {
  const hash = createHash('sha256')
    .update(utf8(`${seed}\n${instance}`))
    .digest();
  return (hash.readUIntBE(0, 6) / 2 ** 48) * 100;
}
