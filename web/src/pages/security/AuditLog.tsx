import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { History } from 'lucide-react';
import { useState } from 'react';
import { useSearchParams } from 'react-router';

import { queries } from '../../api/queries';
import { list, type Schemas } from '../../api/types';
import { grantText } from '../../operations/grants';
import { whoOf } from '../../operations/words';
import { Answer } from '../../parts/Answer';
import { type Column, DataTable } from '../../parts/DataTable';
import { EmptyState } from '../../parts/EmptyState';
import { count, duration, words } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { TimeAgo } from '../../parts/TimeAgo';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { useNames } from '../../parts/useNames';
import { chosen, extensionsOf, more, most, pageSize } from './narrow';
import { Filters, useFilter } from './Filters';
import classes from './Security.module.css';
import { ToneBadge } from '../../parts/ToneBadge';
import { operationOf, peerOf } from './words';

type Entry = Schemas['AuditEntry'];

/** AuditLog is who changed what, and what came of it. */
export function AuditLog() {
  const [, setSearch] = useSearchParams();
  const [limit, setLimit] = useState(pageSize);
  const nameOf = useNames();
  const extension = useFilter('extension', ignore);
  const result = useFilter('result', ignore);
  const query = useQuery(queries.audit(limit));
  const entries = list(query.data?.entries);
  const found = chosen(entries, extension.value, result.value);
  const filtered = extension.value !== '' || result.value !== '';
  return (
    <>
      <Filters label="Filter the audit log">
        <Select
          label="Extension"
          placeholder="All"
          data={extensionsOf(entries, extension.value).map((id) => ({ value: id, label: nameOf(id) }))}
          value={extension.value || null}
          onChange={extension.set}
          searchable
          clearable
          nothingFoundMessage="No entry about such an extension"
          clearButtonProps={{ 'aria-label': 'All extensions' }}
        />
        <Select
          label="Result"
          placeholder="All"
          data={[
            { value: 'ok', label: 'Done' },
            { value: 'refused', label: 'Refused or failed' },
          ]}
          value={result.value === 'ok' || result.value === 'refused' ? result.value : null}
          onChange={result.set}
          clearable
          clearButtonProps={{ 'aria-label': 'All results' }}
        />
      </Filters>
      <Answer query={query} of="who changed what" loading={<Loading lines={6} height={52} />}>
        {() => (
          <>
            {found.length === 0 ? (
              <EmptyState icon={History} title={filtered ? `None of the last ${count(entries.length, 'entry', 'entries')} fits` : 'Nothing was changed yet'}>
                {filtered ? (
                  <Button variant="default" size="xs" mt="xs" onClick={() => setSearch({ tab: 'audit' }, { replace: true })}>
                    Show all
                  </Button>
                ) : (
                  <p>Whoever installs, enables, starts or stops something is written down here, with what came of it.</p>
                )}
              </EmptyState>
            ) : (
              <div aria-busy={query.isPlaceholderData}>
                <DataTable label="Audit log" columns={columns} rows={found} keyOf={(entry, i) => `${entry.time} ${entry.op} ${i}`} />
              </div>
            )}
            {entries.length >= limit && limit < most && (
              <Button variant="default" mt="md" loading={query.isPlaceholderData} onClick={() => setLimit(more)}>
                {filtered ? `Look at more than the last ${entries.length}` : 'Show older ones'}
              </Button>
            )}
            <p className="visually-hidden" role="status">
              {count(found.length, 'entry', 'entries')}
            </p>
          </>
        )}
      </Answer>
    </>
  );
}

// These filters choose among the entries that are here, so the list stays as long as it is.
const ignore = () => undefined;

const columns: readonly Column<Entry>[] = [
  {
    id: 'what',
    label: 'What',
    cell: ({ op, change, extension }) => (
      <span className="name">
        {operationOf(change || op)}
        {extension !== undefined && extension !== '' && (
          <>
            {' '}
            <Named id={extension} />
          </>
        )}
        {change !== undefined && change !== '' && change !== op && <span className={classes.dim}> · its {operationOf(op).toLowerCase()}</span>}
      </span>
    ),
  },
  {
    id: 'who',
    label: 'Who',
    cell: ({ actor, peer }) => (
      <span className="name">
        {whoOf(actor)}
        {peerOf(actor, peer) !== '' && <span className={classes.dim}> ({peerOf(actor, peer)})</span>}
      </span>
    ),
  },
  { id: 'result', label: 'Result', cell: (entry) => <Came entry={entry} /> },
  {
    id: 'when',
    label: 'When',
    cell: ({ time, duration_ms }) => (
      <span className={classes.nowrap}>
        <TimeAgo time={time} />
        <span className={classes.dim}> · {duration(duration_ms)}</span>
      </span>
    ),
  },
];

function Named({ id }: { id: string }) {
  const nameOf = useNames();
  return <ExtensionLink id={id} name={nameOf(id)} />;
}

function Came({ entry }: { entry: Entry }) {
  const fine = entry.result === 'ok';
  const extra = [
    ...list(entry.grants).map((grant) => `given: ${grantText(grant)}`),
    ...(list(entry.keys).length > 0 ? [`set: ${list(entry.keys).join(', ')}`] : []),
  ];
  return (
    <>
      <ToneBadge look={fine ? { tone: 'good', label: 'Done' } : { tone: 'bad', label: words(entry.result).slice(0, 40) }} />
      {entry.detail !== undefined && entry.detail !== '' && <p className={`${classes.reason} name`}>{entry.detail}</p>}
      {extra.map((text) => (
        <p key={text} className={`${classes.reason} name`}>
          {text}
        </p>
      ))}
    </>
  );
}
