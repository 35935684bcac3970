// Waves as a release manager types them, `1%,10%@PT1H,100%@PT24H`, and when the last of them opens.
import { durationMs, type EpochMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { isGrowing, type Rollout, type Wave } from '../../../shared/schema/rollout.ts';

const FORM = '"1%,10%@PT1H,100%@PT24H": growing shares up to 100%, each with the delay after the start';
const PATTERN = /^(\d{1,3})%(?:@(\S+))?$/;

/** Shares and delays grow, and the last wave reaches everyone. Error: vendor/option-invalid. */
export function parseWaves(text: string): Wave[] {
  const waves = text.split(',').map((part) => {
    const match = PATTERN.exec(part.trim());
    const wave = { percent: Number(match?.[1]), after: match?.[2] ?? 'PT0S' };
    if (match === null || Number.isNaN(durationMs(wave.after))) throw invalid(text);
    return wave;
  });
  if (!isGrowing(waves) || waves.some(({ percent }) => percent < 1)) throw invalid(text);
  return waves;
}

/** When every instance on the track has been offered the release. */
export function lastWaveOpens(rollout: Rollout): EpochMs {
  return instantMs(rollout.start) + Math.max(...rollout.waves.map((wave) => durationMs(wave.after)));
}

export function formatWaves(waves: readonly Wave[]): string {
  return waves
    .map(({ percent, after }) => (durationMs(after) === 0 ? `${percent}%` : `${percent}%@${after}`))
    .join(',');
}

/** Who is offered a release, and when: `to 10% of the instances from …, to all from …`. */
export function describeWaves({ start, waves }: Rollout): string {
  const offers = waves.map(({ percent, after }, i) => {
    const share = percent === 100 ? 'all' : `${percent}%${i === 0 ? ' of the instances' : ''}`;
    return `to ${share} from ${formatInstant(instantMs(start) + durationMs(after))}`;
  });
  return offers.join(', ');
}

function invalid(value: string): FairleadError {
  return new FairleadError('vendor/option-invalid', { option: '--waves', value, form: FORM });
}
