// The filters of decisions and of the audit log, as the page's address has them.

/** spans are how far back one can look. */
export const spans: readonly { value: string; label: string; milliseconds: number }[] = [
  { value: '1h', label: 'The last hour', milliseconds: 3_600_000 },
  { value: '24h', label: 'The last day', milliseconds: 86_400_000 },
  { value: '7d', label: 'The last week', milliseconds: 7 * 86_400_000 },
  { value: '30d', label: 'The last month', milliseconds: 30 * 86_400_000 },
];

/** since is the time at which a span begins, on the API's clock; undefined for no span, or one that nobody knows. */
export function since(span: string | null, now: number): string | undefined {
  const known = spans.find(({ value }) => value === span);
  return known === undefined ? undefined : new Date(Math.floor((now - known.milliseconds) / 60_000) * 60_000).toISOString();
}

export const pageSize = 50;

/** most is as many records as the API gives at once. */
export const most = 1_000;

/** more is the next limit of a list that grows. */
export function more(limit: number): number {
  return Math.min(most, limit * 4);
}

interface Entry {
  extension?: string;
  result: string;
}

/** Result is what an entry of the audit log came to, as far as one filters by it. */
export type Result = 'ok' | 'refused';

/** chosen are the entries that pass both filters; empty ones take all. */
export function chosen<E extends Entry>(entries: readonly E[], extension: string, result: string): E[] {
  return entries.filter(
    (entry) => (extension === '' || entry.extension === extension) && (result === '' || (result === 'ok') === (entry.result === 'ok')),
  );
}

/** extensionsOf are the ids that entries name, and the one that is chosen. */
export function extensionsOf(entries: readonly { extension?: string }[], chosenID: string): string[] {
  const ids = new Set(entries.map(({ extension }) => extension ?? ''));
  ids.add(chosenID);
  ids.delete('');
  return [...ids].sort();
}
