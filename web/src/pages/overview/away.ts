// What is said while the host agent is away. The banner says that it is, and why: nothing below repeats it.
import type { AgentStatus, Feature, Service } from '../../api/types';

type Agent = Pick<AgentStatus, 'available' | 'reason'> | undefined;

/** isAway reports whether the host agent is known to be away. */
export function isAway(agent: Agent): boolean {
  return agent?.available === false;
}

/** saysAway reports whether a text says once more what the banner says. */
export function saysAway(text: string, agent: Agent): boolean {
  if (!isAway(agent)) return false;
  const reason = agent?.reason ?? '';
  return /\bhost agent\b/i.test(text) || (reason !== '' && text.includes(reason));
}

const silent = 'It does not answer. Whether it runs is known when the host agent is back.';

/**
 * seen is a service as it can be seen from here. Without the host agent nobody knows of its container: one that does not
 * answer may have none, which is no fault.
 */
export function seen(service: Service, agent: Agent): Service {
  if (!isAway(agent)) return service;
  const { reason, ...rest } = service;
  if (service.status === 'down') return { ...rest, status: 'unknown', reason: silent };
  return reason !== undefined && saysAway(reason, agent) ? rest : service;
}

/** waits reports whether a feature's next step is one that takes the host agent. */
export function waits({ next }: Pick<Feature, 'next'>, agent: Agent): boolean {
  return isAway(agent) && (/\/logs$/.test(next.request ?? '') || /^dream logs /.test(next.command ?? ''));
}
