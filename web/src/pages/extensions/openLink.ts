// Where an extension's page opens.
import type { Entry } from '../../api/types';
import { list } from '../../api/types';
import { serviceURL, type SidebarLink } from '../../app/links';

/** OpenLink is an address, or why it does not open from here. */
export type OpenLink = Pick<SidebarLink, 'href' | 'blocked'>;

/**
 * openLinkOf is what the sidebar links to; without that, the port that its container publishes now, where something answers
 * HTTP: that is what is asked how it fares.
 */
export function openLinkOf(entry: Pick<Entry, 'id' | 'status' | 'port' | 'health_endpoint' | 'runtime'>, links: ReadonlyMap<string, OpenLink>, where: Pick<Location, 'hostname'>): OpenLink | undefined {
  if (entry.status !== 'enabled') return undefined;
  const told = links.get(entry.id);
  if (told !== undefined) return told;
  if (!entry.health_endpoint?.startsWith('/')) return undefined;
  const ports = list(entry.runtime.containers).filter(({ state }) => state === 'running').flatMap(({ ports: own }) => list(own));
  const port = ports.find((one) => one.container === entry.port && one.protocol === 'tcp' && one.host > 0);
  if (port === undefined) return undefined;
  const local = port.ip.startsWith('127.') || port.ip === '::1';
  const near = where.hostname === 'localhost' || where.hostname.startsWith('127.') || where.hostname === '[::1]' || where.hostname === '::1';
  return { href: serviceURL(port.host, '/', where), blocked: local && !near ? `Only the machine itself reaches port ${port.host}.` : '' };
}
