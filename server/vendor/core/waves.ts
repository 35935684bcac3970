// Waves as a release manager types them, `1%,10%[region=eu]@PT1H,100%@PT24H`.
import { durationMs, formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import { formatClasses } from '../../../shared/schema/classes.ts';
import { type Rollout, type Wave, waveProblem } from '../../../shared/schema/rollout.ts';
import { formatClassList, parseClasses } from './class-text.ts';

const FORM =
  '"1%,10%@PT1H,100%@PT24H": growing shares up to 100%, each with the delay after the start; "5%[region=eu]@PT1H" is a share of a class';
const PATTERN = /^(\d{1,3})%(?:\[([^[\]]*)\])?(?:@(\S+))?$/;

/** Shares and delays grow, and the last wave reaches everyone. Error: vendor/option-invalid. */
export function parseWaves(text: string): Wave[] {
  const waves = text.split(',').map((part) => {
    const match = PATTERN.exec(part.trim());
    const wave = { percent: Number(match?.[1]), after: match?.[3] ?? 'PT0S' };
    if (match === null || Number.isNaN(durationMs(wave.after))) throw invalid(text);
    const classes = match[2];
    return classes === undefined ? wave : { ...wave, classes: [...parseClasses(classes, '--waves')] };
  });
  const isShare = ({ percent }: Wave) => percent >= 1 && percent <= 100;
  const problem = waves.every(isShare) ? waveProblem(waves) : null;
  if (problem !== null || !waves.every(isShare)) throw invalid(text, problem);
  return waves;
}

export function formatWaves(waves: readonly Wave[]): string {
  return waves
    .map(({ percent, after, classes }) => {
      const share = `${percent}%${classes === undefined ? '' : `[${formatClassList(classes)}]`}`;
      return durationMs(after) === 0 ? share : `${share}@${after}`;
    })
    .join(',');
}

/** Who is offered a release, and when: `to 10% of the instances from …, to all from …`. */
export function describeWaves({ start, waves, classes: limits }: Rollout): string {
  const offers = waves.map(({ percent, after, classes }, i) => {
    const whose = classes === undefined ? '' : ` of ${formatClasses(classes)}`;
    const of = whose === '' && i === 0 ? ' of the instances' : whose;
    const share = percent === 100 ? `all${whose}` : `${percent}%${of}`;
    return `to ${share} from ${formatInstant(instantMs(start) + durationMs(after))}`;
  });
  const limited = limits === undefined ? '' : `; only to installs with ${formatClasses(limits)}`;
  return `${offers.join(', ')}${limited}`;
}

/** The same of an emergency order: `on 1% of the installs from …, on all from …`. */
export function describeForced({ start, waves }: Pick<Rollout, 'start' | 'waves'>): string {
  const shares = waves.map(({ percent, after }, i) => {
    const share = percent === 100 ? 'all' : `${percent}%${i === 0 ? ' of the installs' : ''}`;
    return `on ${share} from ${formatInstant(instantMs(start) + durationMs(after))}`;
  });
  return shares.join(', ');
}

/** Waves of an order: whoever is forced is forced, whatever class they are of. Error: vendor/option-invalid. */
export function parsePlainWaves(text: string): Wave[] {
  const waves = parseWaves(text);
  if (waves.some(({ classes }) => classes !== undefined))
    throw invalid(text, 'shares of all: an order forces every class');
  return waves;
}

function invalid(value: string, problem: string | null = null): FairleadError {
  const form = problem === null ? FORM : `${FORM}; these are not ${problem}`;
  return new FairleadError('vendor/option-invalid', { option: '--waves', value, form });
}
