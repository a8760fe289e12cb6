import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';

import { ask } from '../api/client';
import { queries } from '../api/queries';
import { list, type Operation } from '../api/types';
import { applyOperation } from '../live/apply';
import { type Change, start } from './start';

/** useOperation is one operation, kept up to date by the stream of events. */
export function useOperation(id: string | undefined) {
  return useQuery({ ...queries.operation(id ?? ''), enabled: id !== undefined });
}

/** useRunning is the operations that are not over: running, waiting for the agent, or interrupted. The newest is first. */
export function useRunning(): readonly Operation[] {
  const { data } = useQuery(queries.operations({ limit: 50 }));
  return list(data?.operations).filter((operation) => !isOver(operation));
}

/** isOver reports whether nothing more will come of it. An unknown state with an end is over. */
export function isOver(operation: Operation): boolean {
  return operation.state !== 'running' && operation.state !== 'waiting' && operation.state !== 'interrupted';
}

/**
 * useChange begins changes. A second click while the first is on its way does nothing. What is refused is in error; what has
 * begun is in data, and useOperation(data.id) follows it.
 */
export function useChange(options: { onBegun?: (operation: Operation) => void } = {}) {
  const client = useQueryClient();
  const busy = useRef(false);
  const mutation = useMutation({
    mutationFn: (change: Change) => start(change),
    onSuccess: (operation) => {
      client.setQueryData(queries.operation(operation.id).queryKey, operation);
      note(client, operation);
      options.onBegun?.(operation);
    },
    onSettled: () => {
      busy.current = false;
    },
  });
  return {
    ...mutation,
    begin: (change: Change) => {
      if (busy.current) return;
      busy.current = true;
      mutation.mutate(change);
    },
  };
}

/** useCancel has an operation undone while it is being made. */
export function useCancel() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => ask('post', '/api/operations/{id}/cancel', { path: { id } }),
    onSuccess: (operation) => note(client, operation),
  });
}

function note(client: ReturnType<typeof useQueryClient>, operation: Operation): void {
  applyOperation(client, operation, (paths) => {
    void client.invalidateQueries({ predicate: ({ queryKey }) => paths.includes(String(queryKey[0])) });
  });
}
