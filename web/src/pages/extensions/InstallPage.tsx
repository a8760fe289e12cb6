import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronLeft, PackageX } from 'lucide-react';
import { Link, useParams, useSearchParams } from 'react-router';

import { Problem } from '../../api/problem';
import { type Entry, may } from '../../api/types';
import { queries } from '../../api/queries';
import { useSession } from '../../app/session';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Loading } from '../../parts/Loading';
import { PageHeader } from '../../parts/PageHeader';
import { Asking } from './install/Asking';
import { Doing } from './install/Doing';
import classes from './Detail.module.css';
import { useExtension, useOngoing } from './useExtension';

/**
 * InstallPage turns an extension on: what that comes to, what has to be given, then how far it is. Its address names the operation,
 * so that it is there again after a reload and in another window.
 */
export default function InstallPage() {
  const { id = '' } = useParams();
  const [params, setParams] = useSearchParams();
  const client = useQueryClient();
  const { session } = useSession();
  const { extension, error, refetch } = useExtension(id);
  const ongoing = useOngoing(id);
  const catalog = useQuery(queries.catalog());
  const path = `/extensions/${encodeURIComponent(id)}`;
  const follow = (operation: string | undefined) => {
    const next = new URLSearchParams(params);
    if (operation === undefined) next.delete('operation');
    else next.set('operation', operation);
    setParams(next, { replace: true });
  };
  // The plan that was carried out, or was not, is not the one of the next attempt.
  const again = () => {
    client.removeQueries({ queryKey: ['plan', id] });
    follow(undefined);
  };
  const turnsOn = ongoing !== undefined && ['install', 'enable', 'start', 'restart'].includes(ongoing.kind);
  const followed = params.get('operation') ?? (turnsOn ? ongoing.id : undefined);

  if (extension === undefined || catalog.data === undefined) {
    const wrong = error ?? catalog.error;
    return (
      <>
        <PageHeader title={id} />
        {wrong === null ? <Loading lines={4} /> : wrong instanceof Problem && wrong.status === 404 ? <Nobody id={id} /> : <ErrorNotice error={wrong} onRetry={refetch} />}
      </>
    );
  }
  const name = extension.name || id;
  const need = extension.status === 'disabled' || extension.source === 'core' ? 'operate' : 'admin';
  return (
    <>
      <Link to={path} className={`${classes.back} name`}>
        <ChevronLeft size={16} aria-hidden="true" /> {name}
      </Link>
      <PageHeader title={titleOf(extension, name, followed !== undefined)} />
      {followed !== undefined ? (
        <Doing key={followed} id={followed} extension={extension} then={params.get('then') ?? undefined} onAgain={again} />
      ) : !may(session, need) ? (
        <EmptyState icon={PackageX} title="This takes another key">
          <p>
            You are signed in with the scope {session?.scope}; this takes {need}. <Link to={path}>See what it may do</Link>
          </p>
        </EmptyState>
      ) : (
        <Asking key={id} extension={extension} onBegun={({ id: operation }) => follow(operation)} />
      )}
    </>
  );
}

function titleOf({ status }: Entry, name: string, doing: boolean): string {
  if (doing) return name;
  return status === 'not_installed' ? `Install ${name}` : status === 'disabled' ? `Enable ${name}` : status === 'enabled' ? `Start ${name}` : name;
}

function Nobody({ id }: { id: string }) {
  return (
    <EmptyState icon={PackageX} title="Nobody knows an extension of this name">
      <p>
        Neither the library nor this installation has <code className="name">{id.slice(0, 100)}</code>. <Link to="/extensions">See all extensions</Link>
      </p>
    </EmptyState>
  );
}
