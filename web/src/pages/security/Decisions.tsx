import { Button, Select } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { ScrollText } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';

import { serverNow } from '../../api/clock';
import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { Answer } from '../../parts/Answer';
import { EmptyState } from '../../parts/EmptyState';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { useNames } from '../../parts/useNames';
import { DecisionRow } from './DecisionRow';
import { extensionsOf, more, most, pageSize, since, spans } from './narrow';
import { Filters, useFilter } from './Filters';
import classes from './Security.module.css';
import { knownOutcomes, outcomeOf } from './words';

/** Decisions is the log of what policies decided. */
export function Decisions() {
  const [search, setSearch] = useSearchParams();
  const nameOf = useNames();
  const [limit, setLimit] = useState(pageSize);
  const extension = useFilter('extension', setLimit);
  const outcome = useFilter('outcome', setLimit);
  const span = useFilter('since', setLimit);
  const from = useMemo(() => since(span.value, serverNow()), [span.value]);
  const query = useQuery(
    queries.decisions({
      limit,
      ...(extension.value === '' ? {} : { extension: extension.value }),
      ...(outcome.value === '' ? {} : { outcome: outcome.value }),
      ...(from === undefined ? {} : { since: from }),
    }),
  );
  const { data: all } = useQuery({ ...queries.decisions({ limit: 200 }), staleTime: 60_000 });
  const ids = useMemo(() => extensionsOf(list(all?.entries), extension.value), [all, extension.value]);
  const filtered = extension.value !== '' || outcome.value !== '' || span.value !== '';
  return (
    <>
      <Filters label="Filter decisions">
        <Select
          label="Extension"
          placeholder="All"
          data={ids.map((id) => ({ value: id, label: nameOf(id) }))}
          value={extension.value || null}
          onChange={extension.set}
          searchable
          clearable
          nothingFoundMessage="No decision about such an extension"
          clearButtonProps={{ 'aria-label': 'All extensions' }}
        />
        <Select
          label="Outcome"
          placeholder="All"
          data={[...new Set([...knownOutcomes, ...(outcome.value === '' ? [] : [outcome.value])])].map((value) => ({ value, label: outcomeOf(value).label }))}
          value={outcome.value || null}
          onChange={outcome.set}
          clearable
          clearButtonProps={{ 'aria-label': 'All outcomes' }}
        />
        <Select
          label="When"
          placeholder="Any time"
          data={spans.map(({ value, label }) => ({ value, label }))}
          value={spans.some(({ value }) => value === span.value) ? span.value : null}
          onChange={span.set}
          clearable
          clearButtonProps={{ 'aria-label': 'Any time' }}
        />
      </Filters>
      <Answer query={query} of="what policies decided" loading={<Loading lines={6} height={64} />}>
        {({ entries }) =>
          list(entries).length === 0 ? (
            <EmptyState icon={ScrollText} title={filtered ? 'No decision fits' : 'Nothing was decided yet'}>
              {filtered ? (
                <Button variant="default" size="xs" mt="xs" onClick={() => setSearch({ tab: search.get('tab') ?? '' }, { replace: true })}>
                  Show all
                </Button>
              ) : (
                <p>
                  Policies are asked when an extension is installed, enabled or started; what each of them says shows here. How to add one is on
                  the tab Policies.
                </p>
              )}
            </EmptyState>
          ) : (
            <>
              <ul className={`plain-list ${classes.list}`} aria-label="Decisions" aria-busy={query.isPlaceholderData}>
                {list(entries).map((decision, i) => (
                  <li key={`${decision.time} ${decision.extension ?? ''} ${i}`}>
                    <DecisionRow decision={decision} />
                  </li>
                ))}
              </ul>
              {list(entries).length >= limit && limit < most && (
                <Button variant="default" mt="md" loading={query.isPlaceholderData} onClick={() => setLimit(more)}>
                  Show older ones
                </Button>
              )}
              <p className="visually-hidden" role="status">
                {count(list(entries).length, 'decision')}
              </p>
            </>
          )
        }
      </Answer>
    </>
  );
}
