import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import type { Draft } from '../configForm';

// What was typed and not saved, by extension, for as long as somebody is signed in: it is there again on the way back. Signing
// out clears the cache, and with its client's mark all of this.
const drafts = new WeakMap<QueryClient, Map<string, Draft>>();

function draftsOf(client: QueryClient): Map<string, Draft> {
  let all = drafts.get(client);
  if (all === undefined || client.getQueryData(mark) === undefined) {
    all = new Map();
    drafts.set(client, all);
    client.setQueryDefaults(mark, { gcTime: Infinity });
    client.setQueryData(mark, true);
  }
  return all;
}

const mark = ['drafts of forms'];

/** useDraft is what was typed into the form of an extension. Closing the window with unsaved changes is asked about. */
export function useDraft(id: string): [Draft, (draft: Draft) => void] {
  const client = useQueryClient();
  const [draft, setDraft] = useState<Draft>(() => draftsOf(client).get(id) ?? {});
  const unsaved = Object.keys(draft).length > 0;

  useEffect(() => {
    if (unsaved) draftsOf(client).set(id, draft);
    else draftsOf(client).delete(id);
  }, [client, id, draft, unsaved]);

  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [unsaved]);

  return [draft, setDraft];
}
