import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { ask } from '../../api/client';
import { Problem } from '../../api/problem';
import type { Schemas } from '../../api/types';

export type Plan = Schemas['Plan'];
export type Grant = NonNullable<Schemas['InstallBody']['grants']>[number];

/** With is what would come with the change. */
export interface With {
  grants?: readonly Grant[];
  values?: Readonly<Record<string, string>>;
}

/**
 * usePlan asks what the next change that turns an extension on would come to. Nothing is changed by asking; a refusal is an
 * answer too, in its verdict. While another one is on its way, the last is shown and isPlaceholderData says so.
 */
export function usePlan(id: string, given: With, enabled = true) {
  const body = { ...(given.grants?.length ? { grants: [...given.grants] } : {}), ...(given.values && Object.keys(given.values).length > 0 ? { values: { ...given.values } } : {}) };
  return useQuery<Plan>({
    queryKey: ['plan', id, body],
    queryFn: ({ signal }) => ask('post', '/api/extensions/{id}/plan', { path: { id }, body, signal }),
    enabled,
    staleTime: 15_000,
    gcTime: 60_000, // what was typed is in its key
    placeholderData: keepPreviousData,
    retry: (failures, error) => !(error instanceof Problem) && failures < 2,
  });
}
