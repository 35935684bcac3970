// Runs that a script copies, put together: those of a part of the new file in the place of what stood there.
import type { CopiedRuns } from '../../../shared/tree/moved-places.ts';

interface Run {
  readonly at: number;
  readonly source: number;
  readonly copied: number;
}

export function toRuns(runs: readonly Run[]): CopiedRuns {
  return {
    at: Uint32Array.from(runs, ({ at }) => at),
    source: Uint32Array.from(runs, ({ source }) => source),
    copied: Uint32Array.from(runs, ({ copied }) => copied),
  };
}

/** `inner` counts from the start of the part in both files. */
export function replaceRuns(
  outer: CopiedRuns,
  size: number,
  inner: CopiedRuns,
  source: number,
  part: { readonly start: number; readonly length: number },
): CopiedRuns {
  const end = part.start + part.length;
  const within = listRuns(inner).map((run) => ({
    ...{ at: run.at + part.start, source: run.source + source, copied: run.copied },
  }));
  return toRuns([...clip(outer, 0, part.start), ...within, ...clip(outer, end, size)]);
}

/** What the runs do for a part of the new file. */
function clip(runs: CopiedRuns, from: number, to: number): readonly Run[] {
  if (from >= to) return [];
  const all = listRuns(runs);
  return all.flatMap(({ at, source, copied }, i) => {
    const next = all[i + 1]?.at ?? to;
    if (next <= from || at >= to) return [];
    const skipped = Math.max(0, from - at);
    const left = Math.max(0, Math.min(copied, to - at) - skipped);
    // What is left of it may be its literals alone, behind which the old file need not go on.
    return [{ at: at + skipped, source: left === 0 ? 0 : source + skipped, copied: left }];
  });
}

function listRuns({ at, source, copied }: CopiedRuns): readonly Run[] {
  return Array.from(at, (start, i) => ({
    ...{ at: start, source: source[i] as number, copied: copied[i] as number },
  }));
}
