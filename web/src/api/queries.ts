// What pages ask, once for all of them: a query's key is its path and parameters.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';

import { ask, type Options, type PathOf, type ReplyOf } from './client';
import { Problem } from './problem';

/** get is a query of any path: useQuery(get('/api/storage')). Pages that need more options spread it. */
export function get<P extends PathOf<'get'>>(path: P, options: Pick<Options<'get', P>, 'path' | 'query'> = {}) {
  return queryOptions<ReplyOf<'get', P>>({
    queryKey: [path, options.path ?? null, options.query ?? null],
    queryFn: ({ signal }) => ask('get', path, { ...options, signal }),
    retry: (count, error) => !(error instanceof Problem) && count < 2,
  });
}

// The catalogue is always there: an API that does not know its path is another one than this page was made for.
function orOlder(error: unknown): never {
  if (!(error instanceof Problem) || (error.status !== 404 && error.status !== 405)) throw error;
  throw new Problem(
    {
      code: 'older',
      title: 'This API is older than the page',
      detail: 'It knows no catalogue of extensions. Bring Dream Server up to date, or load the page again, and it shows here.',
    },
    error.status,
  );
}

export const queries = {
  session: () => get('/api/session'),
  status: () => get('/api/status'),
  services: () => get('/api/services'),
  features: () => get('/api/features'),
  links: () => get('/api/external-links'),
  catalog: (query: Options<'get', '/api/extensions/catalog'>['query'] = {}) => ({
    ...get('/api/extensions/catalog', { query }),
    queryFn: ({ signal }: { signal: AbortSignal }) => ask('get', '/api/extensions/catalog', { query, signal }).catch(orOlder),
    placeholderData: keepPreviousData,
  }),
  extension: (id: string) => get('/api/extensions/{id}', { path: { id } }),
  config: (id: string) => get('/api/extensions/{id}/config', { path: { id } }),
  operations: (query: Options<'get', '/api/operations'>['query'] = {}) => get('/api/operations', { query }),
  operation: (id: string) => get('/api/operations/{id}', { path: { id } }),
  policies: () => get('/api/policy/status'),
  decisions: (query: Options<'get', '/api/policy/audit'>['query']) => ({ ...get('/api/policy/audit', { query }), placeholderData: keepPreviousData }),
  drift: () => ({ ...get('/api/policy/drift'), refetchInterval: 60_000 }),
  audit: (limit: number) => ({ ...get('/api/audit', { query: { limit } }), placeholderData: keepPreviousData }),
  doctor: () => get('/api/doctor'),
  keys: () => get('/api/keys'),
  // These three are readings: nothing announces the next one.
  gpus: () => ({ ...get('/api/gpu/detailed'), refetchInterval: ({ state }: { state: { error: Error | null } }) => (state.error === null ? 5_000 : 60_000) }),
  resources: () => ({ ...get('/api/services/resources'), refetchInterval: 5_000 }),
  // The first question has the files counted, and is answered before they are.
  storage: () => {
    const query = get('/api/storage');
    return queryOptions({ ...query, refetchInterval: ({ state }) => (state.data === undefined || state.data.counting ? 3_000 : 60_000) });
  },
};

/** ofSnapshot lists the paths whose answers change with the snapshot, and with nothing else. */
export const ofSnapshot: readonly string[] = [
  '/api/status',
  '/api/services',
  '/api/features',
  '/api/external-links',
  '/api/extensions/catalog',
  '/api/extensions/{id}',
  '/api/extensions/{id}/config',
];

/** ofAgent lists the paths whose answers are the host agent's: others when it comes, goes, or is another one. */
export const ofAgent: readonly string[] = ['/api/policy/status', '/api/policy/drift', '/api/policy/audit', '/api/audit', '/api/doctor'];

/** ofChanges lists the paths whose answers tell of changes that were made. */
export const ofChanges: readonly string[] = ['/api/operations', '/api/policy/status', '/api/policy/drift', '/api/policy/audit', '/api/audit'];
