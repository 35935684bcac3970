// The terms of an emergency order: in which waves its fix is forced, as typed, as they stand, or as the size of the fleet asks.
import { lastWaveAt } from '../../../shared/compile/waves.ts';
import { formatInstant, instantMs } from '../../../shared/encoding/instant.ts';
import { count } from '../../../shared/errors/entry.ts';
import { FairleadError } from '../../../shared/errors/error.ts';
import type { Advisory } from '../../../shared/schema/advisory.ts';
import { type OrderTerms, orderTerms } from '../../../shared/schema/order-terms.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';
import type { Wave } from '../../../shared/schema/rollout.ts';
import type { KnownInstall } from '../core/canaries.ts';
import { describeForced, formatWaves, parseWaves } from '../core/waves.ts';
import type { Session } from '../workspace/passphrases.ts';
import { bestSeed, isLarge, type KnownFleet, readKnownInstalls } from './seed.ts';

const CAREFUL = parseWaves('1%,100%@PT30M');
const AT_ONCE = parseWaves('100%');

export interface TermsOptions {
  readonly waves?: Wave[];
  readonly exploited?: true;
}

interface Published {
  readonly advisory: Advisory | undefined;
  readonly terms: OrderTerms | undefined;
}

/** Null where the fix is forced at once and nothing else is said. Error: vendor/advisory-contradicts. */
export async function decideTerms(
  session: Session,
  document: Advisory,
  options: TermsOptions,
  before: Published,
): Promise<OrderTerms | null> {
  const { order } = document;
  if (order === undefined) {
    verifyNoTerms(document, options);
    return null;
  }
  const exploited = options.exploited === true;
  const known = await readKnownInstalls(session, null);
  if (known === null && options.waves === undefined && !exploited) {
    session.out.note('waves: as before, or none: the server could not be asked how large the fleet is');
  }
  const waves = options.waves ?? wavesBy(exploited, before, known);
  const isSame = before.terms !== undefined && formatWaves(before.terms.waves) === formatWaves(waves);
  if (isSame && before.terms.exploited === exploited) return before.terms;
  const start = isSame ? before.terms.start : formatInstant(session.now());
  const isAtOnce = waves.every(({ percent }) => percent === 100) && waves[0]?.after === 'PT0S';
  if (isAtOnce && !exploited) return null;
  const { seed, lines } = bestSeed({ waves }, known?.installs ?? []);
  const terms = { schema: 'fairlead/order-terms@1', advisory: document.id, exploited, seed, start, waves };
  const parsed = parseDocument(orderTerms, terms, 'the terms of the order');
  verifyBeforeDeadline(document, parsed, order.deadline);
  if (!isAtOnce) for (const line of [...lines, ...unaware(known?.installs ?? [])]) session.out.note(line);
  return parsed;
}

/** What is out already is not taken back from anybody: only a new order is careful by itself. */
function wavesBy(
  exploited: boolean,
  { advisory, terms }: Published,
  known: KnownFleet | null,
): readonly Wave[] {
  if (exploited) return AT_ONCE;
  if (advisory?.order !== undefined && !advisory.withdrawn) return terms?.waves ?? AT_ONCE;
  return isLarge(known) ? CAREFUL : AT_ONCE;
}

function verifyNoTerms({ id }: Advisory, { waves, exploited }: TermsOptions): void {
  const flag = waves !== undefined ? '--waves' : exploited === true ? '--exploited' : null;
  if (flag === null) return;
  const problem = `${flag}: only a critical advisory forces its fix`;
  throw new FairleadError('vendor/advisory-contradicts', { advisory: id, flag, problem });
}

function verifyBeforeDeadline({ id }: Advisory, terms: OrderTerms, deadline: string): void {
  if (lastWaveAt(terms) <= instantMs(deadline)) return;
  const problem = '--waves: the last wave opens after the deadline, when no wave counts any more';
  throw new FairleadError('vendor/advisory-contradicts', { advisory: id, flag: '--waves', problem });
}

function unaware(installs: readonly KnownInstall[]): readonly string[] {
  const number = installs.filter(({ facts }) => facts === null).length;
  if (number === 0) return [];
  return [
    `${count(number, 'install')} of them by agents that know no waves of orders: those are forced at once`,
  ];
}

/** For people; nothing of an advisory that forces nothing. */
export function describeTerms({ order, withdrawn }: Advisory, terms: OrderTerms | null): readonly string[] {
  if (order === undefined || withdrawn) return [];
  const use = terms?.exploited === true ? ' (in use already)' : '';
  return [
    `forced ${terms === null ? 'at once' : describeForced(terms)}${use}, everywhere by ${order.deadline}`,
  ];
}
