import { describe, expect, it } from 'vitest';

import { ago, bytes, count, duration, megabytes, sentence, words } from './format';

describe('bytes', () => {
  it.each([
    [0, '0 B'], [999, '999 B'], [1_000, '0.98 KB'], [1_536, '1.5 KB'], [340 * 1024 ** 2, '340 MB'], [999.6 * 1024 ** 2, '0.98 GB'],
    [24 * 1024 ** 3, '24 GB'], [1.25 * 1024 ** 4, '1.25 TB'], [null, '–'], [undefined, '–'], [NaN, '–'], [-1, '–'],
  ])('%s is %s', (n, want) => expect(bytes(n)).toBe(want));
  it('takes megabytes of GPUs', () => expect(megabytes(24_564)).toBe('24 GB'));
});

describe('duration', () => {
  it.each([
    [0, '0 ms'], [-50, '0 ms'], [42, '42 ms'], [99.8, '0.1 s'], [420, '0.4 s'], [9_960, '10 s'], [12_400, '12 s'], [59_600, '1 min'], [185_000, '3 min 5 s'],
    [3_600_000, '1 h'], [7_800_000, '2 h 10 min'], [356_400_000, '4 d 3 h'], [NaN, '–'],
  ])('%s is %s', (n, want) => expect(duration(n)).toBe(want));
});

describe('ago', () => {
  const now = Date.parse('2026-01-10T12:00:00Z');
  it.each([
    ['2026-01-10T12:00:30Z', 'just now'], ['2026-01-10T11:59:20Z', 'just now'], ['2026-01-10T11:59:00Z', '1 minute ago'], ['2026-01-10T11:01:00Z', '1 hour ago'],
    ['2026-01-09T12:00:00Z', 'yesterday'], ['2026-01-07T12:00:00Z', '3 days ago'], ['2026-01-10T14:00:00Z', 'in 2 hours'], ['soon', '–'],
  ])('%s is %s', (time, want) => expect(ago(time, now)).toBe(want));
});

it('count agrees with its noun', () => expect([count(1, 'service'), count(1200, 'entry', 'entries')]).toEqual(['1 service', '1,200 entries']));
it('words are readable', () => expect([words('not_installed'), words('x'), words('')]).toEqual(['Not installed', 'X', '–']));

it('a sentence begins large, a name as it is written', () =>
  expect(['it has no container', 'this machine has no GPU', 'n8n does not run', 'its log says why', 'italian is no language', ''].map(sentence)).toEqual([
    'It has no container', 'This machine has no GPU', 'n8n does not run', 'Its log says why', 'italian is no language', '',
  ]));
