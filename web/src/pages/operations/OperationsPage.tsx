import { Button, Select } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ListChecks } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';

import { Problem } from '../../api/problem';
import { queries } from '../../api/queries';
import { list, type OperationState } from '../../api/types';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { PageHeader } from '../../parts/PageHeader';
import { lookOf } from '../../parts/status';
import { useNames } from '../../parts/useNames';
import { OperationRow } from './OperationRow';
import classes from './Operations.module.css';

const states: readonly OperationState[] = ['running', 'waiting', 'interrupted', 'failed', 'cancelled', 'succeeded'];
const pageSize = 50;
const all = 1_000; // as many as the API keeps

/** OperationsPage lists the changes that are being made and the last ones that were. The address keeps the filters. */
export default function OperationsPage() {
  const [search, setSearch] = useSearchParams();
  const [limit, setLimit] = useState(pageSize);
  const extension = search.get('extension') ?? '';
  const state = states.find((known) => known === search.get('state'));
  const { data, error, isPending, isPlaceholderData, refetch } = useQuery({
    ...queries.operations({ limit, ...(extension === '' ? {} : { extension: extension.slice(0, 63) }), ...(state === undefined ? {} : { state }) }),
    placeholderData: keepPreviousData,
  });
  const operations = list(data?.operations);
  const nameOf = useNames();
  const extensions = useExtensionIDs(extension);
  const filtered = extension !== '' || state !== undefined;

  function filter(name: 'extension' | 'state', value: string | null) {
    const next = new URLSearchParams(search);
    if (value === null || value === '') next.delete(name);
    else next.set(name, value);
    setLimit(pageSize);
    setSearch(next, { replace: true });
  }

  return (
    <>
      <PageHeader title="Operations" lead="Every change of an extension, whoever makes it: here, at the command line, or with the API." />
      <div className={classes.filters} role="search" aria-label="Filter operations">
        <Select
          label="Extension"
          placeholder="All"
          data={extensions.map((value) => ({ value, label: nameOf(value) }))}
          value={extension === '' ? null : extension}
          onChange={(value) => filter('extension', value)}
          searchable
          clearable
          nothingFoundMessage="No operation of such an extension"
          clearButtonProps={{ 'aria-label': 'All extensions' }}
        />
        <Select
          label="State"
          placeholder="All"
          data={states.map((value) => ({ value, label: lookOf(value).label }))}
          value={state ?? null}
          onChange={(value) => filter('state', value)}
          clearable
          clearButtonProps={{ 'aria-label': 'All states' }}
        />
      </div>
      {error !== null && (data === undefined || error instanceof Problem) && <ErrorNotice error={error} onRetry={() => void refetch()} />}
      {isPending && error === null && <Loading lines={6} height={68} />}
      {data !== undefined && operations.length === 0 && (
        <EmptyState icon={ListChecks} title={filtered ? 'No operation fits' : 'Nothing has been changed yet'}>
          {filtered ? (
            <Button variant="default" size="xs" mt="xs" onClick={() => setSearch({}, { replace: true })}>
              Show all
            </Button>
          ) : (
            <p>Install, enable or start an extension, and what is done for it shows here, stage by stage.</p>
          )}
        </EmptyState>
      )}
      {operations.length > 0 && (
        <ul className={`plain-list ${classes.list}`} aria-label="Operations" aria-busy={isPlaceholderData}>
          {operations.map((operation) => (
            <li key={operation.id}>
              <OperationRow operation={operation} />
            </li>
          ))}
        </ul>
      )}
      {operations.length >= limit && limit < all && (
        <Button variant="default" mt="md" onClick={() => setLimit((now) => Math.min(all, now * 4))} loading={isPlaceholderData}>
          Show older ones
        </Button>
      )}
      <p className="visually-hidden" role="status">
        {data === undefined ? '' : count(operations.length, 'operation')}
      </p>
    </>
  );
}

// The extensions that can be chosen are those that there are operations of.
function useExtensionIDs(chosen: string): string[] {
  const { data } = useQuery({ ...queries.operations({ limit: 200 }), staleTime: 60_000 });
  return useMemo(() => {
    const ids = new Set(list(data?.operations).map(({ extension }) => extension));
    if (chosen !== '') ids.add(chosen);
    return [...ids].sort();
  }, [data, chosen]);
}
