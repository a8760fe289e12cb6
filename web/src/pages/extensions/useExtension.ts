import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';

import { queries } from '../../api/queries';
import { type Entry, list, type Operation } from '../../api/types';
import { type SidebarLink, sidebarLinks } from '../../app/links';
import { useRunning } from '../../operations/useOperations';
import { registeredLinks } from '../../plugins/registry';

/** useExtension is one extension. What the catalogue has told of it shows at once. */
export function useExtension(id: string): { extension: Entry | undefined; error: unknown; refetch: () => void } {
  const { data, error, refetch } = useQuery(queries.extension(id));
  const { data: catalog } = useQuery(queries.catalog());
  const told = error === null ? catalog?.extensions.find((entry) => entry.id === id) : undefined;
  return { extension: error !== null && data === undefined ? undefined : (data?.manifest ?? told), error, refetch: () => void refetch() };
}

/** useEntries is all extensions. */
export function useEntries(): readonly Entry[] {
  const { data } = useQuery(queries.catalog());
  return list(data?.extensions);
}

/** useOngoing is the change that is being made of an extension, or waits for the agent. */
export function useOngoing(id: string): Operation | undefined {
  return useRunning().find(({ extension }) => extension === id);
}

/** useAgent is whether the host agent is there; nobody has said otherwise. */
export function useAgent(): boolean {
  const { data } = useQuery(queries.status());
  return data?.agent?.available !== false;
}

/** useLinks is where the pages of services are, by their ids. */
export function useLinks(): ReadonlyMap<string, SidebarLink> {
  const { data: told } = useQuery(queries.links());
  const { data: services } = useQuery(queries.services());
  return useMemo(() => new Map(sidebarLinks(list(told), registeredLinks(), list(services), window.location).map((link) => [link.id, link])), [told, services]);
}
