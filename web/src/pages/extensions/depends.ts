// Who needs whom. The catalogue names what each extension needs; the rest follows from it.
import { type Entry, list } from '../../api/types';

/** Need is one extension that another needs. */
export interface Need {
  id: string;
  /** undefined where nobody knows an extension of this id. */
  entry: Entry | undefined;
}

/** needsOf is what an extension needs itself. */
export function needsOf(id: string, entries: readonly Entry[]): Need[] {
  const byID = new Map(entries.map((entry) => [entry.id, entry]));
  return list(byID.get(id)?.depends_on).map((need) => ({ id: need, entry: byID.get(need) }));
}

/** neededBy is who needs an extension itself. */
export function neededBy(id: string, entries: readonly Entry[]): Entry[] {
  return entries.filter((entry) => entry.id !== id && list(entry.depends_on).includes(id));
}

/**
 * toEnable is what has to be enabled before an extension can be, in an order in which it can be done. A circle is gone round
 * once, and what nobody knows stands in it without an entry.
 */
export function toEnable(id: string, entries: readonly Entry[]): Need[] {
  const byID = new Map(entries.map((entry) => [entry.id, entry]));
  const seen = new Set([id]);
  const order: Need[] = [];
  const visit = (at: string) => {
    for (const need of list(byID.get(at)?.depends_on)) {
      if (seen.has(need)) continue;
      seen.add(need);
      visit(need);
      const entry = byID.get(need);
      if (entry?.status !== 'enabled') order.push({ id: need, entry });
    }
  };
  visit(id);
  return order;
}

/** losers is who is enabled and would lose what it needs when an extension is switched off, however far away. */
export function losers(id: string, entries: readonly Entry[]): Entry[] {
  const lost = new Set([id]);
  for (let grew = true; grew; ) {
    grew = false;
    for (const entry of entries) {
      if (!lost.has(entry.id) && entry.status === 'enabled' && list(entry.depends_on).some((need) => lost.has(need))) {
        lost.add(entry.id);
        grew = true;
      }
    }
  }
  lost.delete(id);
  return entries.filter((entry) => lost.has(entry.id));
}
