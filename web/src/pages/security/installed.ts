import type { Entry } from '../../api/types';
import { list } from '../../api/types';

/** installed are the extensions whose files are here and may run, those that may the most first. */
export function installed(extensions: readonly Entry[]): Entry[] {
  return extensions
    .filter(({ status }) => status !== 'not_installed' && status !== 'incompatible')
    .toSorted((a, b) => list(b.grants).length - list(a.grants).length || (a.rating ?? 9) - (b.rating ?? 9) || a.name.localeCompare(b.name));
}

/** named are those whose name or id has the text in it. */
export function named(extensions: readonly Entry[], text: string): readonly Entry[] {
  const wanted = text.trim().toLowerCase();
  return wanted === '' ? extensions : extensions.filter(({ id, name }) => id.includes(wanted) || name.toLowerCase().includes(wanted));
}

/** ratingOf puts a rating, 8 at best, into words. */
export function ratingOf(rating: number | undefined): string {
  if (rating === undefined || rating < 1) return 'Not rated';
  return `${rating} of 8`;
}
