import { afterEach, describe, expect, it } from 'vitest';

import { clockSkew, noteServerTime, serverNow } from './clock';

const here = Date.parse('2026-01-02T03:00:00Z');
const dateOf = (milliseconds: number) => new Date(here + milliseconds).toUTCString();

afterEach(() => noteServerTime(dateOf(0), here));

describe('serverNow', () => {
  it.each([
    ['an hour ahead', 3_600_000],
    ['a day behind', -86_400_000],
  ])('follows a clock that is %s', (_, skew) => {
    noteServerTime(dateOf(skew), here);
    expect(serverNow(here)).toBe(here + skew);
  });
  it('takes what a Date header cannot tell for the same time', () => {
    noteServerTime(dateOf(-1_000), here);
    expect(clockSkew()).toBe(0);
  });
  it('comes back when a clock was set right', () => {
    noteServerTime(dateOf(600_000), here);
    noteServerTime(dateOf(0), here);
    expect(clockSkew()).toBe(0);
  });
  it('passes over what is no date', () => {
    noteServerTime(dateOf(600_000), here);
    noteServerTime('yesterday', here);
    noteServerTime(null, here);
    expect(clockSkew()).toBe(600_000);
  });
});
