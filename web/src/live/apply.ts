// What an event means for what the page knows. Answers live in the query cache; an event changes them there, or says that
// they are old.
import type { QueryClient } from '@tanstack/react-query';

import { parsed } from '../api/plain';
import { ofAgent, ofChanges, ofSnapshot, queries } from '../api/queries';
import { isAgent, isObject, isOperation } from '../api/shape';
import type { AgentStatus, Operation, Schemas, Status } from '../api/types';
import type { Message } from './sse';

/** News is a message that this page understands. */
export type News =
  | { event: 'snapshot'; generation: number; resync: boolean }
  | { event: 'operation'; operation: Operation }
  | { event: 'agent'; agent: AgentStatus }
  | { event: 'extension' | 'health'; id: string };

/** newsOf reads a message; undefined for what a newer API may send, or what cannot be read. */
export function newsOf(message: Message): News | undefined {
  let data: unknown;
  try {
    data = parsed(message.data);
  } catch {
    return undefined;
  }
  if (!isObject(data)) return undefined;
  const fields = data;
  switch (message.event) {
    case 'snapshot':
      return { event: 'snapshot', generation: Number(fields.generation), resync: fields.resync === true };
    case 'operation':
      return isOperation(data) ? { event: 'operation', operation: data } : undefined;
    case 'agent':
      return isAgent(data) ? { event: 'agent', agent: data as unknown as AgentStatus } : undefined;
    case 'extension':
    case 'health':
      return typeof fields.id === 'string' ? { event: message.event, id: fields.id } : undefined;
    default:
      return undefined;
  }
}

/** apply brings news into the cache. soon gathers the paths whose answers are old, which are then asked for at once. */
export function apply(client: QueryClient, news: News, soon: (paths: readonly string[] | 'all') => void): void {
  switch (news.event) {
    case 'snapshot':
      soon(news.resync ? 'all' : ofSnapshot);
      return;
    case 'agent':
      client.setQueryData<Status>(queries.status().queryKey, (status) => status && { ...status, agent: news.agent });
      soon([...ofSnapshot, ...ofAgent]);
      return;
    case 'operation':
      applyOperation(client, news.operation, soon);
      return;
    case 'extension':
    case 'health':
      return; // a snapshot follows, and its answers have the whole
  }
}

/** applyOperation brings one operation into every answer that has it. It is also for replies of changes. */
export function applyOperation(client: QueryClient, operation: Operation, soon: (paths: readonly string[]) => void): void {
  const single = queries.operation(operation.id).queryKey;
  if (client.getQueryState(single) !== undefined) {
    client.setQueryData<Operation>(single, (old) => newer(old, operation));
    // Events have no log: the whole error is in the answer alone.
    if (operation.error !== undefined) void client.invalidateQueries({ queryKey: single });
  }
  client.setQueriesData<Schemas['OperationsBody']>(
    {
      queryKey: ['/api/operations'],
      predicate: ({ queryKey }) => fits(queryKey[2] as Filter, operation),
    },
    (body) => body && { ...body, operations: merged(body.operations ?? [], operation) },
  );
  if (operation.state !== 'running') soon(ofChanges);
}

type Filter = { extension?: string; state?: string; limit?: number } | null | undefined;

// An answer for one state is asked for anew: what leaves it and what comes into it are both news.
function fits(filter: Filter, operation: Operation): boolean {
  return (filter?.extension === undefined || filter.extension === operation.extension) && (filter?.state === undefined || filter.state === operation.state);
}

/** merged puts an operation where it belongs: ids sort by time, and the newest is first. */
export function merged(operations: readonly Operation[], operation: Operation): Operation[] {
  const at = operations.findIndex((other) => other.id === operation.id);
  if (at >= 0) return operations.with(at, newer(operations[at], operation));
  const before = operations.findIndex((other) => other.id < operation.id);
  return operations.toSpliced(before < 0 ? operations.length : before, 0, operation);
}

const ended = (operation: Operation) => operation.ended !== undefined;

/**
 * newer is the one that tells more. News and answers travel apart, so an older one may come last: an end is not taken
 * back, stages do not get fewer, and a log that is known stays.
 */
export function newer(old: Operation | undefined, next: Operation): Operation {
  if (old === undefined) return next;
  if (ended(old) && !ended(next)) return old;
  if (ended(old) === ended(next) && (old.stages?.length ?? 0) > (next.stages?.length ?? 0)) return old;
  if (old.error?.log && next.error && !next.error.log) return { ...next, error: { ...next.error, log: old.error.log } };
  return next;
}
