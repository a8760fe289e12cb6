import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { RefreshCw, ShieldCheck } from 'lucide-react';

import { useSession } from '../../app/session';
import { ask } from '../../api/client';
import { Problem } from '../../api/problem';
import { queries } from '../../api/queries';
import { list, may, type Schemas } from '../../api/types';
import { Answer } from '../../parts/Answer';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Section } from '../../parts/Section';
import { TimeAgo } from '../../parts/TimeAgo';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { Steps } from '../../parts/Steps';
import classes from './Security.module.css';
import type { Divergence } from './words';

/** Drift is where what runs is not what was approved. */
export function Drift() {
  const { session } = useSession();
  const client = useQueryClient();
  const query = useQuery(queries.drift());
  const scan = useMutation({
    mutationFn: () => ask('post', '/api/policy/drift'),
    onSuccess: (found) => client.setQueryData(queries.drift().queryKey, found),
  });
  const scanNow = may(session, 'operate') && (
    <Button size="xs" variant="default" leftSection={<RefreshCw size={14} aria-hidden="true" />} loading={scan.isPending} onClick={() => scan.mutate()}>
      Compare now
    </Button>
  );
  const notYet = query.data === undefined && query.error instanceof Problem && query.error.code === 'unavailable';
  return (
    <Section title="What runs, against what was approved" aside={scanNow}>
      {scan.error !== null && <ErrorNotice error={scan.error} urgent />}
      {notYet ? (
        <EmptyState icon={ShieldCheck} title="Nothing was compared yet">
          <p>The host agent compares when it starts, and from then on by itself.</p>
        </EmptyState>
      ) : (
        <Answer query={query} of="what was approved" loading={<Loading lines={1} height={96} />}>
          {(comparison) => <Compared comparison={comparison} />}
        </Answer>
      )}
      {!may(session, 'operate') && <p className={classes.none}>To compare now takes a key with the scope operate.</p>}
    </Section>
  );
}

function Compared({ comparison }: { comparison: Schemas['Comparison'] }) {
  const findings = list(comparison.findings);
  return (
    <div role="status" className={classes.stack}>
      {comparison.problem !== undefined && comparison.problem !== '' && (
        <div className={classes.notice}>
          <p className="name">
            <strong>The last attempt failed, </strong>
            <TimeAgo time={comparison.at} />: {comparison.problem}
          </p>
          <p>What stands here was found before that.</p>
        </div>
      )}
      {findings.length === 0 ? (
        <p className={classes.fine}>
          <ShieldCheck size={18} aria-hidden="true" />
          <span>
            {comparison.containers === 0 ? 'Nothing runs that could differ.' : `${count(comparison.containers, 'container is', 'containers are')} as approved.`}{' '}
            <span className={classes.dim}>
              Looked <TimeAgo time={comparison.at} />, {count(comparison.approved, 'approved file')}.
            </span>
          </span>
        </p>
      ) : (
        <>
          <p className={classes.lead}>
            <strong>{count(findings.length, 'difference')}</strong> in {count(comparison.containers, 'container')}, looked <TimeAgo time={comparison.at} />. A container that is not
            as it was approved was made or changed past the policies: by hand, or by another program.
          </p>
          <ul className={`plain-list ${classes.list}`} aria-label="Differences">
            {findings.slice(0, shown).map((finding, i) => (
              <li key={`${finding.container} ${finding.what} ${i}`}>
                <Difference finding={finding} />
              </li>
            ))}
          </ul>
          {findings.length > shown && <p className={classes.none}>… and {count(findings.length - shown, 'more difference')}. Mend these first.</p>}
        </>
      )}
      {list(comparison.changing).length > 0 && (
        <p className={classes.none}>
          <span className="name">Being changed meanwhile, so that nothing is said of them: {list(comparison.changing).join(', ')}.</span>
        </p>
      )}
    </div>
  );
}

const shown = 50;

function Difference({ finding }: { finding: Divergence }) {
  return (
    <div className={classes.row}>
      <p className={`${classes.rowTitle} name`}>{finding.message}</p>
      <dl className={classes.facts}>
        {finding.extension !== undefined && finding.extension !== '' && (
          <div>
            <dt>Extension</dt>
            <dd>
              <ExtensionLink id={finding.extension} />
            </dd>
          </div>
        )}
        <div>
          <dt>What</dt>
          <dd className="name">{finding.what}</dd>
        </div>
        <div>
          <dt>As approved</dt>
          <dd className="name">{finding.want || 'nothing'}</dd>
        </div>
        <div>
          <dt>As it is</dt>
          <dd className="name">{finding.have || 'nothing'}</dd>
        </div>
      </dl>
      <Steps fix={finding.fix} />
    </div>
  );
}
