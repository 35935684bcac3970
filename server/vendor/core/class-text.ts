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

/** Those of Node; the programs of releases are for the first two. */
const ARCHITECTURES = 'x64 arm64 arm ia32 loong64 mips mipsel ppc64 riscv64 s390x'.split(' ');

/** What no install can be is refused. `option` is what it was typed for. Error: vendor/option-invalid. */
export function parseClass(text: string, option = '--class'): InstallClass {
  const refuse = (form = FORM) => new FairleadError('vendor/option-invalid', { option, value: text, form });
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
    if (one === undefined) throw refuse();
    const wanted = impossibleIn(one);
    if (wanted !== null) throw refuse(wanted);
    return one;
  } catch (error) {
    throw isFairleadError(error, 'document/invalid') ? refuse() : error;
  }
}

/** What it would have to be, where no agent can say of itself what it asks for. */
function impossibleIn({ driver = [], arch = [], os = [] }: InstallClass): string | null {
  const drivers: readonly string[] = DRIVER_NAMES;
  if (!driver.every((one) => drivers.includes(one))) return `a driver of ${drivers.join(', ')}`;
  if (!arch.every((one) => ARCHITECTURES.includes(one))) {
    return 'an arch as Node names it, such as x64 (amd64, x86_64) or arm64 (aarch64)';
  }
  // Which an install would not know, so that nobody would be offered it and a halt would stop every minor version.
  if (os.some((one) => one.split(':')[1]?.includes('.'))) {
    return 'an os with its major version alone, such as ubuntu:24 or rhel:9: that is what installs know of theirs';
  }
  return null;
}

/** `;` stands between one class and another that will do as well. */
export function parseClasses(text: string, option: string): Classes {
  return text.split(';').map((part) => parseClass(part, option));
}

/** As `parseClasses` reads it. */
export function formatClassList(all: Classes): string {
  return all.map(formatClass).join(';');
}
