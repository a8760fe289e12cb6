import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';

import { ask } from '../api/client';
import { apply, newsOf } from './apply';
import { type Connection, follow } from './follow';

const ConnectionContext = createContext<Connection>('connecting');

/** useConnection is how news come. */
export function useConnection(): Connection {
  return useContext(ConnectionContext);
}

const pollEvery = 5_000;
// A page that nobody looks at gives its connection back: browsers have six for each host, and a person has many tabs.
const hiddenFor = 30_000;
// Many pieces of news come together; one request is enough for all of them.
const gatherFor = 150;

/** LiveProvider keeps the cache up to date: from the stream of events, and where there is none by asking again. */
export function LiveProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [connection, setConnection] = useState<Connection>('connecting');
  const visible = useVisible();

  useEffect(() => {
    if (!visible) return;
    const stop = new AbortController();
    const gather = gatherer((paths) => {
      void client.invalidateQueries(paths === 'all' ? {} : { predicate: ({ queryKey }) => paths.has(String(queryKey[0])) });
    });
    void follow(
      '/api/events',
      {
        onMessage: (message) => {
          const news = newsOf(message);
          if (news !== undefined) apply(client, news, gather.add);
        },
        onConnection: (next) => {
          if (!stop.signal.aborted) setConnection(next);
        },
        reachable: () => ask('get', '/health', { anonymous: true, signal: stop.signal }).then(
          () => true,
          () => false,
        ),
      },
      stop.signal,
      lastHeard,
    ).then((id) => {
      lastHeard = id;
    });
    return () => {
      stop.abort();
      gather.stop();
    };
  }, [client, visible]);

  useEffect(() => {
    if (connection !== 'polling' && connection !== 'offline') return;
    const timer = setInterval(() => void client.invalidateQueries(), pollEvery);
    return () => {
      clearInterval(timer);
      void client.invalidateQueries(); // what happened in between
    };
  }, [client, connection]);

  return <ConnectionContext value={connection}>{children}</ConnectionContext>;
}

// Where the stream was left when the page was hidden: the server replays what came since.
let lastHeard: string | undefined;

function useVisible(): boolean {
  const [visible, setVisible] = useState(() => !document.hidden);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const change = () => {
      clearTimeout(timer);
      if (document.hidden) timer = setTimeout(() => setVisible(false), hiddenFor);
      else setVisible(true);
    };
    document.addEventListener('visibilitychange', change);
    return () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', change);
    };
  }, []);
  return visible;
}

/** gatherer collects what is old and tells of it once, a moment later. */
export function gatherer(tell: (paths: Set<string> | 'all') => void) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let gathered: Set<string> | 'all' = new Set();
  return {
    add(paths: readonly string[] | 'all') {
      if (paths === 'all') gathered = 'all';
      else if (gathered !== 'all') for (const path of paths) gathered.add(path);
      timer ??= setTimeout(() => {
        const old = gathered;
        timer = undefined;
        gathered = new Set();
        tell(old);
      }, gatherFor);
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
      gathered = new Set();
    },
  };
}
