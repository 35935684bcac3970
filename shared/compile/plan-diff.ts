// How one plan differs from another: why a yes to the first is no yes to the second.
import type { Plan, PlanStep } from '../schema/deployment.ts';

/** One sentence for each difference, by component; empty only for equal plans. */
export function diffPlans(before: Plan, after: Plan): string[] {
  const old = new Map(before.steps.map((step) => [step.component, step]));
  const next = new Map(after.steps.map((step) => [step.component, step]));
  const components = [...new Set([...old.keys(), ...next.keys()])].sort();
  const lines = components.flatMap((component) => {
    const [was, is] = [old.get(component), next.get(component)].map(describeStep);
    return was === is ? [] : [`${component}: ${is ?? 'stays as it is'}, was: ${was ?? 'stays as it is'}`];
  });
  if (before.from !== after.from) lines.push('it starts from another deployment than the one that ran then');
  if (before.reversible !== after.reversible) {
    lines.push(`the way back: ${after.reversible}, was: ${before.reversible}`);
  }
  if (before.reason.kind !== after.reason.kind) {
    lines.push(`the reason: ${after.reason.kind}, was: ${before.reason.kind}`);
  }
  if (`${before.stop}/${before.start}` !== `${after.stop}/${after.start}`) {
    lines.push('services stop or start in another order');
  }
  // Same versions and another digest: other files under the same number, or other settings.
  if (lines.length === 0 && before.to !== after.to) lines.push('the files or the settings behind it changed');
  return lines;
}

function describeStep(step: PlanStep | undefined): string | undefined {
  if (step === undefined) return undefined;
  const { action, from, to, bytes, reversible } = step;
  return `${action} ${from ?? 'none'} → ${to ?? 'none'} (${bytes} bytes, way back ${reversible})`;
}
