import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Boxes } from 'lucide-react';
import { Link } from 'react-router';

import { queries } from '../../api/queries';
import { list, may, type Operation, type Service } from '../../api/types';
import { useSession } from '../../app/session';
import { OperationProgress } from '../../operations/OperationProgress';
import { useChange, useRunning } from '../../operations/useOperations';
import { CopyLine } from '../../parts/CopyLine';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { sentence } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import { StatusBadge } from '../../parts/StatusBadge';
import { TimeAgo } from '../../parts/TimeAgo';
import { isAway, seen } from './away';
import { fareOf, isUnasked } from './health';
import classes from './Overview.module.css';

/** Services shows what is healthy, and first of all what is not, why, and what to do about it. */
export function Services() {
  const { data, error, refetch } = useQuery(queries.services());
  const { data: core } = useQuery(queries.catalog({ category: 'core' }));
  const running = useRunning();
  const coreIDs = new Set(list(core?.extensions).map(({ id }) => id));
  const { data: status } = useQuery(queries.status());
  const away = isAway(status?.agent);
  const fare = fareOf(list(data).map((service) => seen(service, status?.agent)));
  if (data === undefined) {
    return <Section title="Services">{error === null ? <Loading lines={3} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />}</Section>;
  }
  return (
    <Section title="Services">
      {fare.poor.length + fare.well.length + fare.unasked.length === 0 && (
        <EmptyState icon={Boxes} title="Nothing is switched on yet">
          <p>Install an extension, and here is how it fares.</p>
        </EmptyState>
      )}
      {fare.poor.length > 0 && (
        <ul className={`plain-list ${classes.list}`} aria-label="Services that are not healthy">
          {fare.poor.map((service) => (
            <li key={service.id}>
              <Poor service={service} core={coreIDs.has(service.id)} away={away} operation={running.find(({ extension }) => extension === service.id)} />
            </li>
          ))}
        </ul>
      )}
      {fare.well.length + fare.unasked.length > 0 && (
        <ul className={`plain-list ${classes.chips}`} aria-label="Services that run">
          {[...fare.well, ...fare.unasked].map((service) => (
            <li key={service.id} className={classes.chip}>
              <ExtensionLink id={service.id} name={service.name} />
              {isUnasked(service) ? (
                <span title="It has no health check: that it runs is all that is known.">
                  <StatusBadge status={service.status} label="Running" />
                </span>
              ) : (
                <StatusBadge status={service.status} />
              )}
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}

function Poor({ service, core, away, operation }: { service: Service; core: boolean; away: boolean; operation: Operation | undefined }) {
  return (
    <article className={classes.row}>
      <div className={classes.head}>
        <strong className="name">
          <ExtensionLink id={service.id} name={service.name} />
        </strong>
        <StatusBadge status={service.status} />
        {service.since !== undefined && (
          <span className={classes.dim}>
            <TimeAgo time={service.since} />
          </span>
        )}
        <span className={classes.push}>
          {operation === undefined ? (
            !away && <Remedy service={service} core={core} />
          ) : (
            <Button component={Link} to={`/operations/${operation.id}`} size="xs" variant="default">
              Details
            </Button>
          )}
        </span>
      </div>
      {service.reason !== undefined && <p className={`${classes.reason} name`}><Prose text={sentence(service.reason)} /></p>}
      {operation !== undefined && <OperationProgress operation={operation} />}
    </article>
  );
}

function Remedy({ service: { id, status }, core }: { service: Service; core: boolean }) {
  const { session } = useSession();
  const change = useChange();
  if (status === 'starting') return null;
  if (core) return <CopyLine text={`dream up ${id}`} />; // the API does not touch what it stands on
  if (!may(session, 'operate')) return null;
  if (change.error !== null) return <ErrorNotice error={change.error} urgent />;
  const action = status === 'not_deployed' || status === 'down' ? 'start' : 'restart';
  return (
    <Button size="xs" variant="default" loading={change.isPending} onClick={() => change.begin({ action, id })}>
      {action === 'start' ? 'Start' : 'Restart'}
    </Button>
  );
}
