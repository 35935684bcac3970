// CVSS vectors as FIRST defines them: which metrics each version knows, their values, and which of them must be there.
import { z } from 'zod';

interface Grammar {
  /** Each metric with its values, in the order of the specification. */
  readonly metrics: ReadonlyMap<string, readonly string[]>;
  readonly mandatory: number;
  /** Version 4.0 is written in this order alone (section 7). */
  readonly ordered: boolean;
}

/** Values are letters but for those that are written out behind a comma. */
function grammarOf(base: string, others: string, ordered: boolean): Grammar {
  const read = (text: string) =>
    text.split(' ').map((metric): [string, readonly string[]] => {
      const [name = '', values = ''] = metric.split(':');
      const [letters = '', ...words] = values.split(',');
      return [name, [...letters, ...words]];
    });
  const mandatory = read(base);
  return { metrics: new Map([...mandatory, ...read(others)]), mandatory: mandatory.length, ordered };
}

const V3 = grammarOf(
  'AV:NALP AC:LH PR:NLH UI:NR S:UC C:HLN I:HLN A:HLN',
  'E:XHFPU RL:XUWTO RC:XCRU CR:XHML IR:XHML AR:XHML MAV:XNALP MAC:XLH MPR:XNLH MUI:XNR MS:XUC MC:XHLN MI:XHLN MA:XHLN',
  false,
);
const V4 = grammarOf(
  'AV:NALP AC:LH AT:NP PR:NLH UI:NPA VC:HLN VI:HLN VA:HLN SC:HLN SI:HLN SA:HLN',
  'E:XAPU CR:XHML IR:XHML AR:XHML MAV:XNALP MAC:XLH MAT:XNP MPR:XNLH MUI:XNPA MVC:XHLN MVI:XHLN MVA:XHLN MSC:XHLN MSI:XSHLN MSA:XSHLN ' +
    'S:XNP AU:XNY R:XAUI V:XDC RE:XLMH U:X,Clear,Green,Amber,Red',
  true,
);

/** By the version in front. Version 3.0 has the metrics of 3.1, and stands in many records of its years. */
const GRAMMARS: ReadonlyMap<string, Grammar> = new Map([
  ['3.0', V3],
  ['3.1', V3],
  ['4.0', V4],
]);

export function cvssVersionOf(vector: string): string {
  return /^CVSS:([^/]*)/.exec(vector)?.[1] ?? '';
}

export function isCvssVector(text: string): boolean {
  const grammar = GRAMMARS.get(cvssVersionOf(text));
  if (grammar === undefined) return false;
  const names = [...grammar.metrics.keys()];
  const given = text.split('/').slice(1);
  const places = given.map((metric) => {
    const [name = '', value = '', ...rest] = metric.split(':');
    return rest.length === 0 && grammar.metrics.get(name)?.includes(value) === true
      ? names.indexOf(name)
      : -1;
  });
  if (places.includes(-1) || new Set(places).size < places.length) return false;
  if (grammar.ordered && places.some((place, i) => place < (places[i - 1] ?? -1))) return false;
  return places.filter((place) => place < grammar.mandatory).length === grammar.mandatory;
}

export const cvssVector = z.string().max(400).refine(isCvssVector, {
  error: 'a CVSS vector of version 3.0, 3.1 or 4.0 such as "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"',
});
