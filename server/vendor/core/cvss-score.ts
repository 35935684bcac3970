// The score of a CVSS vector, and the severity that it stands for.
import calculator from 'ae-cvss-calculator';
import type { Severity } from '../../../shared/schema/advisory.ts';
import { cvssVersionOf } from '../../../shared/schema/cvss.ts';

export interface CvssScore {
  /** Of the base metrics alone. */
  readonly base: number;
  /** With what else the vector holds. */
  readonly overall: number;
}

/** Of a vector that is one. */
export function scoreOf(vector: string): CvssScore {
  switch (cvssVersionOf(vector)) {
    case '3.0':
      return read(new calculator.Cvss3P0(vector).calculateScores());
    case '3.1':
      return read(new calculator.Cvss3P1(vector).calculateScores());
    case '4.0': {
      const { baseMetricsOnly, overall } = new calculator.Cvss4P0(vector).calculateScores();
      return read({ base: baseMetricsOnly, overall });
    }
    default:
      throw new TypeError(`no CVSS vector: ${vector}`);
  }
}

function read({
  base,
  overall,
}: {
  readonly base?: number | undefined;
  readonly overall?: number | undefined;
}): CvssScore {
  if (base === undefined || overall === undefined) throw new TypeError('a CVSS vector without a score');
  return { base, overall };
}

/** The bands of the specification, the same in 3.x and 4.0; null for a score of nothing. */
export function severityOf(score: number): Severity | null {
  if (score >= 9) return 'critical';
  if (score >= 7) return 'high';
  if (score >= 4) return 'medium';
  return score > 0 ? 'low' : null;
}
