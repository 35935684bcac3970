// Amounts for people: `812 B`, `9.1 MB`, `1 file`, `3 files`.

const UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** `1 file`, `3 files`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  let value = bytes / 1000;
  let unit = 0;
  // Judged as it will be written: 999,999 bytes are 1.0 MB, never 1000.0 kB.
  while (value >= 999.95 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(1)} ${UNITS[unit]}`;
}
