// Proposals for people: what one asks for, the command that would do the same, and what has become of it.
import { sanitizeLine } from '../encoding/text.ts';
import { shellWord } from '../errors/entry.ts';
import { assertNever } from '../errors/error.ts';
import type { DescribedProposal } from '../protocol/proposal.ts';
import type { PolicyTemplate, Wish } from '../schema/proposal.ts';
import { formatTable, type Style } from './table.ts';

export function describeWish(wish: Wish): string {
  switch (wish.kind) {
    case 'deploy':
      return wish.release === undefined ? 'deploy what is on offer' : `deploy ${wish.release}`;
    case 'pin': {
      const end = wish.expires === undefined ? '' : ` until ${wish.expires}`;
      return sanitizeLine(`pin ${wish.component} at ${wish.version}${end}`, 400);
    }
    case 'unpin':
      return `take the pin of ${wish.component} away`;
    case 'rollback':
      if (wish.to === undefined) return 'go back to the healthy generation before';
      return typeof wish.to === 'number' ? `go back to generation ${wish.to}` : `go back to ${wish.to}`;
    case 'policy':
      return describeTemplate(wish.template);
    default:
      return assertNever(wish);
  }
}

function describeTemplate({ name, channel, windows }: PolicyTemplate): string {
  if (windows === undefined) return `policy ${name}: channel ${channel}`;
  const named = [...windows.allow, ...windows.deny].map((window) => window.name);
  return `policy ${name}: channel ${channel}, windows ${named.join(', ') || 'none'}`;
}

/** What an operator would type to the same end; null where that takes several commands. */
export function commandFor(wish: Wish): string | null {
  const why = '--reason "why"';
  switch (wish.kind) {
    case 'deploy':
      return `fairlead apply ${why}`;
    case 'pin': {
      const end = wish.expires === undefined ? '' : ` --expires ${wish.expires}`;
      return `fairlead pin add ${wish.component} ${shellWord(wish.version)}${end} ${why}`;
    }
    case 'unpin':
      return `fairlead pin remove ${wish.component} ${why}`;
    case 'rollback':
      return `fairlead rollback ${wish.to === undefined ? '' : `--to ${wish.to} `}${why}`;
    case 'policy':
      return wish.template.windows === undefined
        ? `fairlead channel set ${wish.template.channel} ${why}`
        : null;
    default:
      return assertNever(wish);
  }
}

/** What waits for a person stands last, where a terminal shows it. */
export function renderProposals(proposals: readonly DescribedProposal[], style: Style): readonly string[] {
  if (proposals.length === 0) return ['The vendor proposes nothing.'];
  const rows = proposals.map((one) => [
    String(one.number),
    one.state,
    sanitizeLine(one.asks, 120),
    sanitizeLine(one.by, 60),
    one.expires,
    sanitizeLine(one.reason, 120),
  ]);
  const waiting = proposals.filter(({ state }) => state === 'waiting');
  return [
    ...formatTable([['NO', 'STATE', 'ASKS', 'BY', 'GOOD UNTIL', 'REASON'], ...rows]),
    ...waiting
      .slice(-1)
      .flatMap(({ number }) => [
        style.warn(`${waiting.length === 1 ? 'One waits' : `${waiting.length} wait`} for you:`),
        `  fairlead accept ${number} --reason "why"`,
        `  fairlead decline ${number} --reason "why"`,
      ]),
  ];
}

/** One in full, after it was answered or before. */
export function renderProposal(one: DescribedProposal, style: Style): readonly string[] {
  const { answer } = one;
  return [
    style.bold(`proposal ${one.number}: ${one.state}`),
    `asks     ${sanitizeLine(one.asks, 500)}`,
    ...(one.command === null ? [] : [`as       ${sanitizeLine(one.command, 500)}`]),
    `from     ${sanitizeLine(one.by, 300)}: ${sanitizeLine(one.reason, 300)}`,
    `good     until ${one.expires}`,
    ...(answer === null
      ? []
      : [`answer   ${answer.answer} by ${sanitizeLine(answer.by, 300)}: ${sanitizeLine(answer.text, 300)}`]),
    ...(answer?.change === null || answer === null
      ? []
      : [`follow   fairlead change ${answer.change} --watch`]),
  ];
}
