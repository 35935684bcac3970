// Retry-After in its two forms, and what is neither.
import { expect, it } from 'vitest';
import { parseRetryAfter } from '../../../agent/core/pauses.ts';
import { instantMs } from '../../../shared/encoding/instant.ts';

const NOW = instantMs('2026-03-01T10:00:00Z');

it.each([
  ['seconds', '120', 120],
  ['seconds with blanks', ' 5 ', 5],
  ['zero', '0', 0],
  ['a date', 'Sun, 01 Mar 2026 10:02:00 GMT', 120],
  ['a date that has passed', 'Sun, 01 Mar 2026 09:00:00 GMT', 0],
  ['a negative number', '-5', null],
  ['a fraction', '1.5', null],
  ['a date without a zone', '2026-03-01', null],
  ['words', 'soon', null],
  ['nothing', '', null],
  ['more digits than any wait needs', '9'.repeat(400), null],
])('reads %s', (_name, header, seconds) => {
  expect(parseRetryAfter(header, NOW)).toBe(seconds);
});
