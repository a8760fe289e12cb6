import type { Service } from '../../api/types';
import { count } from '../../parts/format';
import { lookOf } from '../../parts/status';

/** Fare is the services, apart by whether somebody has to look at them. */
export interface Fare {
  /** What does not do what it should, the worst first. */
  poor: Service[];
  /** What does. */
  well: Service[];
  /** What runs, and has no way to be asked how it is. */
  unasked: Service[];
}

const rank = { bad: 0, warn: 1, neutral: 2, busy: 3, good: 4 };

/** fareOf sorts the services. One whose state nobody knows is shown with its reason, as those that do not run. */
export function fareOf(services: readonly Service[]): Fare {
  const sorted = services.toSorted((a, b) => rank[lookOf(a.status).tone] - rank[lookOf(b.status).tone] || a.name.localeCompare(b.name));
  return {
    poor: sorted.filter((service) => service.status !== 'healthy' && !isUnasked(service)),
    unasked: sorted.filter(isUnasked),
    well: sorted.filter(({ status }) => status === 'healthy'),
  };
}

/** isUnasked reports whether a service runs, with neither a healthcheck nor an address to ask: nothing is wrong with it. */
export function isUnasked({ status, reason }: Pick<Service, 'status' | 'reason'>): boolean {
  return status === 'unknown' && (reason ?? '').startsWith('its container runs, but has no healthcheck');
}

/** summaryOf says it in one sentence. */
export function summaryOf({ poor, well, unasked }: Fare): string {
  const total = poor.length + well.length + unasked.length;
  if (total === 0) return 'Nothing is switched on yet.';
  if (poor.length === 0 && unasked.length > 0) {
    const rest = 'without a health check';
    if (total === 1) return `The one service that is switched on runs, ${rest}.`;
    return well.length === 0 ? `All ${total} services that are switched on run, ${rest}.` : `All ${total} services that are switched on run: ${well.length} healthy, ${unasked.length} ${rest}.`;
  }
  if (poor.length === 0) return total === 1 ? 'The one service that is switched on is healthy.' : `All ${total} services that are switched on are healthy.`;
  const kinds = new Map<string, number>();
  for (const { status } of poor) {
    const label = lookOf(status).label.toLowerCase();
    kinds.set(label, (kinds.get(label) ?? 0) + 1);
  }
  if (unasked.length > 0) kinds.set('running without a health check', unasked.length);
  const parts = [...kinds].map(([label, n]) => `${n} ${label}`);
  return `${well.length} of ${count(total, 'service')} ${well.length === 1 ? 'is' : 'are'} healthy, ${parts.join(', ')}.`;
}
