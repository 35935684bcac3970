// Classes as a release manager types them: `region=eu os=debian|ubuntu`.
import { FairleadError, isFairleadError } from '../../../shared/errors/error.ts';
import {
  type Classes,
  classes,
  FACT_NAMES,
  formatClass,
  type InstallClass,
} from '../../../shared/schema/classes.ts';
import { DRIVER_NAMES } from '../../../shared/schema/drivers/drivers.ts';
import { parseDocument } from '../../../shared/schema/parse-document.ts';

const FORM =
  '"region=eu os=debian:12|ubuntu": facts that must all hold, each once with the values that will do; facts are ' +
  FACT_NAMES.join(', ');

/** What no install can be is refused. `option` is what it was typed for. Error: vendor/option-invalid. */
export function parseClass(text: string, option = '--class'): InstallClass {
  const refuse = () => new FairleadError('vendor/option-invalid', { option, value: text, form: FORM });
  const facts = text
    .trim()
    .split(/\s+/)
    .map((part) => part.split('='));
  if (facts.some((parts) => parts.length !== 2)) throw refuse();
  // Typed twice, a fact would have to have both values.
  if (new Set(facts.map(([name]) => name)).size !== facts.length) throw refuse();
  const document = Object.fromEntries(facts.map(([name, values = '']) => [name, values.split('|')]));
  try {
    const [one] = parseDocument(classes, [document], option);
    if (one === undefined || !isPossible(one)) throw refuse();
    return one;
  } catch (error) {
    throw isFairleadError(error, 'document/invalid') ? refuse() : error;
  }
}

/** No agent has another driver. */
function isPossible({ driver = [] }: InstallClass): boolean {
  const names: readonly string[] = DRIVER_NAMES;
  return driver.every((one) => names.includes(one));
}

/** `;` stands between one class and another that will do as well. */
export function parseClasses(text: string, option: string): Classes {
  return text.split(';').map((part) => parseClass(part, option));
}

/** As `parseClasses` reads it. */
export function formatClassList(all: Classes): string {
  return all.map(formatClass).join(';');
}
