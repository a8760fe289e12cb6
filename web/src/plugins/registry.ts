// Pages and links of the dashboard: our own and those of plugins come through the same two doors.
import type { LucideIcon } from 'lucide-react';
import type { ComponentType } from 'react';

import type { Session, Status } from '../api/types';

/** Context is what a page may look at before it is shown. */
export interface Context {
  session: Session;
  /** undefined until the API has told. */
  status: Status | undefined;
}

/** Page is one page of the dashboard. */
export interface Page<Props extends object = object> {
  /** Unique among all pages. */
  id: string;
  /** Where it is: `/my-service`, or with a part that varies, `/my-service/:item`. Unique among all pages. */
  path: string;
  label: string;
  icon: LucideIcon;
  component: ComponentType<Props>;
  /** What the component is given; nothing without it. */
  getProps?: (context: Context) => Props;
  /** Whether the sidebar has it. */
  sidebar: boolean;
  /** Its place in the sidebar, the smallest first. Our own are at 10, 20, 30, … */
  order: number;
  /** Whether the page is there at all; it is without this. */
  enabled?: (context: Context) => boolean;
}

/** ExternalLink is a link in the sidebar to a page that a service has on a port of its own. */
export interface ExternalLink {
  /** Unique among all links. One of the API with the same id is not shown beside it. */
  id: string;
  label: string;
  icon: LucideIcon;
  port: number;
  /** The link is shown while a service is healthy whose id or name has one of these in it. */
  healthNeedles: readonly string[];
  /** Where on that port; / without it. */
  ui_path?: string;
  /** Shows the link without asking how its service fares. */
  alwaysHealthy?: boolean;
}

const pages: Page[] = [];
const links: ExternalLink[] = [];
const refused: string[] = [];

/**
 * registerRoutes adds pages. One whose id or path is taken, or that lacks what every page has, is left out and named in the
 * browser's console: a plugin's mistake takes no other page away.
 */
export function registerRoutes<Props extends object = object>(added: readonly Page<Props>[]): void {
  for (const page of added) {
    const erased = page as unknown as Page; // its props are between its component and its getProps
    const reason = pageProblem(erased);
    if (reason === undefined) pages.push(erased);
    else refuse(`page ${JSON.stringify(page.id)}: ${reason}`);
  }
}

/** registerExternalLinks adds links. What is wrong with one leaves it out, as with pages. */
export function registerExternalLinks(added: readonly ExternalLink[]): void {
  for (const link of added) {
    const reason = linkProblem(link);
    if (reason === undefined) links.push(link);
    else refuse(`link ${JSON.stringify(link.id)}: ${reason}`);
  }
}

/** registeredPages is all of them, by order and then by label. */
export function registeredPages(): Page[] {
  return pages.toSorted((a, b) => a.order - b.order || a.label.localeCompare(b.label));
}

/** registeredLinks is all links, in the order in which they came. */
export function registeredLinks(): readonly ExternalLink[] {
  return links;
}

/** refusals says what was left out and why. */
export function refusals(): readonly string[] {
  return refused;
}

function pageProblem(page: Page): string | undefined {
  if (!page.id) return 'it has no id';
  if (!/^\/[^?#]*$/.test(page.path)) return `its path ${JSON.stringify(page.path)} does not begin with /, or has ? or # in it`;
  if (/^\/(api|docs|assets)(\/|$)/.test(page.path)) return `${page.path} is the server's`;
  if (!page.component) return 'it has no component';
  const other = pages.find(({ id, path }) => id === page.id || path === page.path);
  return other && `${other.id === page.id ? 'its id' : page.path} is that of the page ${JSON.stringify(other.label)} already`;
}

function linkProblem(link: ExternalLink): string | undefined {
  if (!link.id) return 'it has no id';
  if (!Number.isInteger(link.port) || link.port < 1 || link.port > 65535) return `${link.port} is no port`;
  return links.some(({ id }) => id === link.id) ? 'its id is taken already' : undefined;
}

function refuse(reason: string): void {
  refused.push(reason);
  console.error(`dashboard plugin, left out: ${reason}`);
}
