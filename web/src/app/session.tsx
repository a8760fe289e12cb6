// Who is signed in. A session that ends while a page is open is renewed over that page: requests wait for it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';

import { ask, forgetReplies, whenSignedOut } from '../api/client';
import { Problem } from '../api/problem';
import type { Session } from '../api/types';

interface SessionState {
  /** undefined while nobody is signed in. */
  session: Session | undefined;
  /** The first answer is on its way. */
  loading: boolean;
  /** Why it is not known whether somebody is signed in. */
  error: unknown;
  /** The session has ended, and what the page asks for waits for the next one. */
  expired: boolean;
  signIn: (key: string) => Promise<void>;
  signOut: () => Promise<void>;
  retry: () => void;
}

const SessionContext = createContext<SessionState | undefined>(undefined);

export function useSession(): SessionState {
  const state = useContext(SessionContext);
  if (state === undefined) throw new Error('useSession is for parts of the dashboard, below SessionProvider');
  return state;
}

const key = ['session'];

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [expired, setExpired] = useState(false);
  const waiting = useRef<Waiting | undefined>(undefined);

  const query = useQuery<Session | null>({
    queryKey: key,
    // At first a 401 says that nobody is signed in; later, that the session has ended.
    queryFn: async ({ signal }) => {
      const first = !client.getQueryData(key);
      try {
        return await ask('get', '/api/session', { signal, anonymous: first });
      } catch (error) {
        if (first && error instanceof Problem && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
    retry: false,
  });
  const session = query.data ?? undefined;
  const signedIn = session !== undefined;

  const release = useCallback(() => {
    setExpired(false);
    waiting.current?.resolve();
    waiting.current = undefined;
  }, []);

  useEffect(() => {
    if (!signedIn) return;
    rememberVisit();
    whenSignedOut(() => {
      waiting.current ??= newWaiting();
      setExpired(true);
      return waiting.current.promise;
    });
    return () => whenSignedOut(undefined);
  }, [signedIn]);

  // Another tab may have signed in meanwhile: the cookie is the same.
  useEffect(() => {
    if (!expired) return;
    const look = () => {
      ask('get', '/api/session', { anonymous: true }).then(
        (found) => {
          client.setQueryData(key, found);
          release();
        },
        () => undefined, // still signed out, or offline: the dialog stays
      );
    };
    const tabs = new BroadcastChannel(channel);
    tabs.addEventListener('message', look);
    window.addEventListener('focus', look);
    return () => {
      tabs.close();
      window.removeEventListener('focus', look);
    };
  }, [client, expired, release]);

  const signIn = useCallback(
    async (apiKey: string) => {
      const opened = await ask('post', '/api/session', { body: { key: apiKey }, anonymous: true });
      forgetReplies();
      client.setQueryData(key, opened);
      release();
      tellTabs();
    },
    [client, release],
  );

  const signOut = useCallback(async () => {
    await ask('delete', '/api/session', { anonymous: true });
    whenSignedOut(undefined);
    await client.cancelQueries();
    forgetReplies();
    client.setQueryData(key, null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== key[0] });
    release();
    tellTabs();
  }, [client, release]);

  const { isPending, error, refetch } = query;
  const state = useMemo(
    () => ({ session, loading: isPending, error, expired, signIn, signOut, retry: () => void refetch() }),
    [session, isPending, error, expired, signIn, signOut, refetch],
  );
  return <SessionContext value={state}>{children}</SessionContext>;
}

const channel = 'dream-session';

// tellTabs has other tabs look who is signed in now.
function tellTabs(): void {
  const tabs = new BroadcastChannel(channel);
  tabs.postMessage('look');
  tabs.close();
}

const visited = 'dream-signed-in-before';

function rememberVisit(): void {
  try {
    localStorage.setItem(visited, 'yes');
  } catch {
    // Storage is off: the first page explains itself each time.
  }
}

/** isFirstVisit reports whether nobody has signed in with this browser yet. */
export function isFirstVisit(): boolean {
  try {
    return localStorage.getItem(visited) === null;
  } catch {
    return true;
  }
}

interface Waiting {
  promise: Promise<void>;
  resolve: () => void;
}

function newWaiting(): Waiting {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
