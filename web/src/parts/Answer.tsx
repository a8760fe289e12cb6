import type { ReactNode } from 'react';
import { History, Lock, Unplug } from 'lucide-react';

import { useSession } from '../app/session';
import { Problem } from '../api/problem';
import { may, type Scope } from '../api/types';
import { EmptyState } from './EmptyState';
import { ErrorNotice } from './ErrorNotice';
import { Loading } from './Loading';

interface AnswerProps<T> {
  /** What useQuery returned. */
  query: { data: T | undefined; error: unknown; refetch: () => unknown };
  /** What was asked for, as it goes on in a sentence: the audit log. */
  of: string;
  /** Holds the place while the answer is on its way. */
  loading?: ReactNode;
  children: (data: T) => ReactNode;
}

/** Answer shows what a question came to: its place while it is on its way, why there is no answer, or the answer. */
export function Answer<T>({ query, of, loading = <Loading />, children }: AnswerProps<T>) {
  const { data, error } = query;
  if (data === undefined && isUnknownRoute(error)) {
    return (
      <EmptyState icon={History} title="This API is older than the page">
        <p>It does not tell of {of}. Bring Dream Server up to date, and it shows here.</p>
      </EmptyState>
    );
  }
  // The banner says that the host agent is away, and why.
  if (isAgentAway(error)) {
    return data !== undefined ? (
      <>{children(data)}</>
    ) : (
      <EmptyState icon={Unplug} title="It shows when the host agent is back">
        <p>The host agent tells of {of}, and is away.</p>
      </EmptyState>
    );
  }
  return (
    <>
      {error !== null && error !== undefined && <ErrorNotice error={error} onRetry={() => void query.refetch()} />}
      {data !== undefined ? children(data) : (error === null || error === undefined) && loading}
    </>
  );
}

// An API that is older has no such route; one that has it answers 404 for none of these questions.
function isUnknownRoute(error: unknown): boolean {
  return error instanceof Problem && (error.status === 404 || error.status === 405);
}

const away: readonly string[] = ['agent_no_socket', 'agent_refused', 'agent_hung'];

function isAgentAway(error: unknown): boolean {
  return error instanceof Problem && away.includes(error.code);
}

/** NeedsScope shows its children to sessions that may see them, and to others says what it takes. */
export function NeedsScope({ scope, what, children }: { scope: Scope; what: string; children: ReactNode }) {
  const { session } = useSession();
  if (session === undefined) return null;
  if (may(session, scope)) return <>{children}</>;
  return (
    <EmptyState icon={Lock} title={`${what} takes a key that may do more`}>
      <p>
        It is for keys with the scope {scope}, and this session has the scope {session.scope}. Sign out, and in again with such a key.
      </p>
    </EmptyState>
  );
}
