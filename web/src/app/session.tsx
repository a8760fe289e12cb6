// Who is signed in. A session that ends while a page is open is renewed over that page: requests wait for it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from 'react';

import { ask, forgetReplies, whenSignedOut } from '../api/client';
import { Problem, Unreachable } from '../api/problem';
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
  const tabs = useRef<BroadcastChannel | undefined>(undefined);

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
    // Until it is known who is here there is nothing else to do than to ask.
    retry: (_, error) => error instanceof Unreachable && client.getQueryData(key) === undefined,
    retryDelay: askAgainAfter,
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

  const enter = useCallback(
    (opened: Session) => {
      const before = client.getQueryData<Session | null>(key);
      client.setQueryData(key, opened);
      // What another one has seen is not for this one.
      if (before && (before.who !== opened.who || before.scope !== opened.scope)) {
        forgetReplies();
        void client.resetQueries({ predicate: ({ queryKey }) => queryKey[0] !== key[0] });
      }
      release();
    },
    [client, release],
  );

  // Another tab may have signed in or out meanwhile: the cookie is the same.
  const look = useCallback(() => {
    ask('get', '/api/session', { anonymous: true }).then(enter, (error: unknown) => {
      if (!client.getQueryData(key) || !(error instanceof Problem) || error.status !== 401) return; // offline, or nobody was here
      waiting.current ??= newWaiting();
      setExpired(true);
    });
  }, [client, enter]);
  useEffect(() => {
    const opened = new BroadcastChannel(channel); // it does not hear itself
    tabs.current = opened;
    opened.addEventListener('message', look);
    return () => opened.close();
  }, [look]);
  useEffect(() => {
    if (!expired) return;
    window.addEventListener('focus', look);
    return () => window.removeEventListener('focus', look);
  }, [expired, look]);

  const signIn = useCallback(
    async (apiKey: string) => {
      const opened = await ask('post', '/api/session', { body: { key: apiKey }, anonymous: true });
      forgetReplies();
      enter(opened);
      tabs.current?.postMessage('look');
    },
    [enter],
  );

  const signOut = useCallback(async () => {
    await ask('delete', '/api/session', { anonymous: true });
    whenSignedOut(undefined);
    await client.cancelQueries();
    forgetReplies();
    client.setQueryData(key, null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== key[0] });
    release();
    tabs.current?.postMessage('look');
  }, [client, release]);

  const { isPending, failureReason, refetch } = query;
  const error = query.error ?? (isPending ? failureReason : null);
  const state = useMemo(() => {
    // The next attempt is waited for: this is one before it.
    const retry = () => void client.cancelQueries({ queryKey: key }).then(() => refetch());
    return { session, loading: isPending && error === null, error, expired, signIn, signOut, retry };
  }, [client, session, isPending, error, expired, signIn, signOut, refetch]);
  return <SessionContext value={state}>{children}</SessionContext>;
}

const askAgainAfter = 3_000;
const channel = 'dream-session';

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
