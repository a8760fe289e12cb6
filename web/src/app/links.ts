// The links of the sidebar that leave the dashboard.
import type { LucideIcon } from 'lucide-react';

import type { ExternalLink as Told, Service } from '../api/types';
import { iconOf } from '../parts/icons';
import type { ExternalLink } from '../plugins/registry';

export interface SidebarLink {
  id: string;
  label: string;
  icon: LucideIcon;
  href: string;
  /** Why it does not open from here; empty where it does. */
  blocked: string;
}

type Where = Pick<Location, 'hostname' | 'port'>;

/** sidebarLinks joins what the API tells, but for services that do not run, with what plugins have registered. */
export function sidebarLinks(told: readonly Told[], registered: readonly ExternalLink[], services: readonly Service[], where: Where): SidebarLink[] {
  const ours = registered
    .filter((link) => link.alwaysHealthy || isHealthy(link.healthNeedles, services))
    .map((link) => ({ id: link.id, label: link.label, icon: link.icon, href: serviceURL(link.port, link.ui_path ?? '/', where), blocked: '' }));
  const taken = new Set(registered.map(({ id }) => id));
  const theirs = told
    .filter(({ id, port }) => !taken.has(id) && id !== 'dashboard' && String(port) !== where.port) // not the page that shows the link
    .filter(({ id }) => !services.some((service) => service.id === id && (service.status === 'not_deployed' || service.status === 'down')))
    .map((link) => ({
      id: link.id,
      label: link.label,
      icon: iconOf(link.icon),
      href: serviceURL(link.port, link.ui_path, where),
      blocked: link.local && !isLoopback(where.hostname) ? `Only the machine itself reaches port ${link.port}.` : '',
    }));
  return [...ours, ...theirs].sort((a, b) => a.label.localeCompare(b.label));
}

function isHealthy(needles: readonly string[], services: readonly Service[]): boolean {
  return services.some(
    ({ id, name, status }) => status === 'healthy' && needles.some((needle) => [id, name].some((text) => text.toLowerCase().includes(needle.toLowerCase()))),
  );
}

/**
 * serviceURL is where a service's page is, on the host that shows the dashboard. Cookies do not know ports: on the machine
 * itself the service is called by its other name, so that it is not sent the dashboard's session.
 */
export function serviceURL(port: number, path: string, { hostname }: Pick<Where, 'hostname'>): string {
  const bare = hostname.replace(/^\[|\]$/g, '');
  const host = bare === 'localhost' || bare === '::1' ? '127.0.0.1' : bare === '127.0.0.1' ? 'localhost' : bare.includes(':') ? `[${bare}]` : bare;
  const base = `http://${host}:${port}`;
  // Of a path from a manifest, nothing may become another host.
  return new URL(`${base}/${path.replace(/^[/\\]+/, '')}`).href;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]' || hostname === '::1';
}
