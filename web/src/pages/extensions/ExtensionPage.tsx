import { useQuery } from '@tanstack/react-query';
import { ChevronLeft, PackageX } from 'lucide-react';
import { useEffect } from 'react';
import { Link, useLocation, useParams, useSearchParams } from 'react-router';

import { plain } from '../../api/plain';
import { Problem } from '../../api/problem';
import { queries } from '../../api/queries';
import { Answer } from '../../parts/Answer';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Loading } from '../../parts/Loading';
import { PageHeader } from '../../parts/PageHeader';
import { Configuration } from './detail/Configuration';
import { Head } from './detail/Head';
import { History } from './detail/History';
import { Logs } from './detail/Logs';
import { Overview } from './detail/Overview';
import { Resources } from './detail/Resources';
import classes from './Detail.module.css';
import { useExtension } from './useExtension';

const tabs = [
  { id: '', label: 'Overview' },
  { id: 'configuration', label: 'Configuration' },
  { id: 'logs', label: 'Logs' },
  { id: 'resources', label: 'Resources' },
  { id: 'history', label: 'History' },
] as const;

/** ExtensionPage is one extension: how it stands, what it may do, and what can be done with it. */
export default function ExtensionPage() {
  const { id = '' } = useParams();
  const [params] = useSearchParams();
  const { extension, error, refetch } = useExtension(id);
  const tab = tabs.find((one) => one.id === params.get('tab')) ?? tabs[0];
  const catalog = useQuery(queries.catalog());
  const name = extension?.name ?? plain(id);
  const { pathname, state } = useLocation();

  useEffect(() => {
    document.title = `${name} · Dream Server`;
  }, [name, pathname, tab.id]);

  if (extension === undefined) {
    return (
      <>
        <Back />
        {error === null ? (
          <>
            <PageHeader title={plain(id)} />
            <Loading lines={4} />
          </>
        ) : isOlder(catalog.error) ? (
          <>
            <PageHeader title={plain(id)} />
            <Answer query={catalog} of="extensions">
              {() => null}
            </Answer>
          </>
        ) : error instanceof Problem && error.status === 404 ? (
          <>
            <PageHeader title="There is no such extension" />
            <EmptyState icon={PackageX} title="Nobody knows an extension of this name">
              <p>
                Neither the library nor this installation has <code className="name">{plain(id).slice(0, 100)}</code>. It may have been taken out of the library.{' '}
                <Link to="/extensions">See all extensions</Link>
              </p>
            </EmptyState>
          </>
        ) : (
          <>
            <PageHeader title={plain(id)} />
            <ErrorNotice error={error} onRetry={refetch} />
          </>
        )}
      </>
    );
  }
  return (
    <>
      <Back />
      <Head extension={extension} />
      <nav aria-label="About this extension" className={classes.tabs}>
        {tabs.map(({ id: of, label }) => (
          <Link key={of} to={of === '' ? '?' : `?tab=${of}`} state={state} replace className={classes.tab} aria-current={of === tab.id ? 'page' : undefined} preventScrollReset>
            {label}
          </Link>
        ))}
      </nav>
      {tab.id === '' && <Overview extension={extension} />}
      {tab.id === 'configuration' && <Configuration key={id} extension={extension} />}
      {tab.id === 'logs' && <Logs key={id} extension={extension} />}
      {tab.id === 'resources' && <Resources extension={extension} />}
      {tab.id === 'history' && <History id={id} />}
    </>
  );
}

// The catalogue is there for every API that knows of extensions.
function isOlder(error: unknown): boolean {
  return error instanceof Problem && (error.status === 404 || error.status === 405);
}

/** Back leads to the catalogue as it was left. */
export function Back() {
  const { data } = useQuery(queries.catalog());
  return (
    <Link
      to="/extensions"
      className={classes.back}
      onClick={(event) => {
        // Who came from there goes back, to the same filters and the same place.
        if (data === undefined || !cameFromCatalogue()) return;
        event.preventDefault();
        history.back();
      }}
    >
      <ChevronLeft size={16} aria-hidden="true" /> Extensions
    </Link>
  );
}

// The router numbers the pages of a visit.
function cameFromCatalogue(): boolean {
  return (history.state as { usr?: { from?: string } } | null)?.usr?.from === 'catalogue';
}
