import type { Exception } from './words';

const day = 86_400_000;
const soon = 14 * day;

/** Standing is whether an exception holds: soon says that it ends within two weeks. */
export type Standing = 'holds' | 'soon' | 'expired';

/** standingOf takes the API's word for what is over, and its clock for what has ended since it was asked. */
export function standingOf({ expired, expires }: Pick<Exception, 'expired' | 'expires'>, now: number): Standing {
  const left = Date.parse(expires) - now;
  if (expired || left <= 0) return 'expired';
  return left <= soon ? 'soon' : 'holds'; // one whose end cannot be read holds, as far as the API says
}

const rank: Record<Standing, number> = { soon: 0, holds: 1, expired: 2 };

/** sorted puts first what ends next, and last what has ended. */
export function sorted(exceptions: readonly Exception[], now: number): Exception[] {
  return exceptions.toSorted((a, b) => rank[standingOf(a, now)] - rank[standingOf(b, now)] || a.expires.localeCompare(b.expires));
}
