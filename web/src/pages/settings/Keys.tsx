import { useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';

import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { Answer, NeedsScope } from '../../parts/Answer';
import { CopyLine } from '../../parts/CopyLine';
import { type Column, DataTable } from '../../parts/DataTable';
import { EmptyState } from '../../parts/EmptyState';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { Loading } from '../../parts/Loading';
import { Section } from '../../parts/Section';
import { TimeAgo, useServerNow } from '../../parts/TimeAgo';
import { ToneBadge } from '../../parts/ToneBadge';
import { endOf, type Key, removalOf, scopes } from './scopes';
import classes from './Settings.module.css';

/** Keys is who else may come in, and how that is changed. */
export function Keys() {
  return (
    <Section title="Keys">
      <NeedsScope scope="admin" what="The list of keys">
        <Listed />
      </NeedsScope>
      <How />
    </Section>
  );
}

function Listed() {
  const query = useQuery(queries.keys());
  const now = useServerNow(60_000);
  return (
    <Answer query={query} of="keys" loading={<Loading lines={2} height={64} />}>
      {({ keys }) =>
        list(keys).length === 0 ? (
          <EmptyState icon={KeyRound} title="The API names no key" />
        ) : (
          <DataTable label="Keys" columns={columns(now)} rows={list(keys)} keyOf={({ name }, i) => `${name} ${i}`} />
        )
      }
    </Answer>
  );
}

function columns(now: number): readonly Column<Key>[] {
  return [
    {
      id: 'name',
      label: 'Name',
      cell: (key) => (
        <span className={classes.badges}>
          <span className="name">{key.name}</span>
          {key.yours && <ToneBadge look={{ tone: 'busy', label: 'Yours' }} />}
        </span>
      ),
    },
    { id: 'scope', label: 'Scope', cell: ({ scope }) => scope },
    { id: 'created', label: 'Made', cell: ({ created }) => (created === undefined ? 'with the installation' : <TimeAgo time={created} />) },
    {
      id: 'ends',
      label: 'Ends',
      cell: (key) => (
        <span className={classes.badges}>
          {key.expires === undefined ? 'never' : <TimeAgo time={key.expires} />}
          {endOf(key, now) === 'expired' && <ToneBadge look={{ tone: 'bad', label: 'Expired' }} />}
          {endOf(key, now) === 'soon' && <ToneBadge look={{ tone: 'warn', label: 'Ends soon' }} />}
        </span>
      ),
    },
    { id: 'back', label: 'To take it back', cell: (key) => <Removal owned={key} /> },
  ];
}

function Removal({ owned }: { owned: Key }) {
  const command = removalOf(owned);
  if (command !== undefined) return <CopyLine text={command} />;
  if (owned.extension === undefined || owned.extension === '') return <>–</>;
  return (
    <span className="name">
      goes with <ExtensionLink id={owned.extension} />, which it was made for
    </span>
  );
}

function How() {
  return (
    <div className={classes.how}>
      <p>
        Keys are made and taken back on the machine itself, and not from here, so that a stolen session cannot leave a key behind. As root or as
        its owner:
      </p>
      <CopyLine text="dream key add guest --scope read --expires 720h" />
      <dl className={classes.scopes}>
        {scopes.map(({ scope, may }) => (
          <div key={scope} style={{ display: 'contents' }}>
            <dt>{scope}</dt>
            <dd>may {may}</dd>
          </div>
        ))}
      </dl>
      <p className={classes.dim}>
        <code>dream</code> is <code>bin/dream</code> in the installation&rsquo;s folder.
      </p>
    </div>
  );
}
