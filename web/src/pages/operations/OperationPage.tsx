import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'react-router';

import { Problem } from '../../api/problem';
import { noticeOfOperation } from '../../operations/failure';
import { queries } from '../../api/queries';
import { list, may, type Operation } from '../../api/types';
import { useSession } from '../../app/session';
import { CancelButton } from '../../operations/CancelButton';
import { OperationProgress } from '../../operations/OperationProgress';
import { StageList } from '../../operations/StageList';
import { isOver, useChange, useOperation } from '../../operations/useOperations';
import { kindOf, whoOf } from '../../operations/words';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { Loading } from '../../parts/Loading';
import { PageHeader } from '../../parts/PageHeader';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import { StatusBadge } from '../../parts/StatusBadge';
import { TimeAgo, Took } from '../../parts/TimeAgo';
import { useNames } from '../../parts/useNames';
import { OperationRow } from './OperationRow';
import classes from './Operations.module.css';

/** OperationPage is one operation: its stages as they go on, what came of it, and what to do next. */
export default function OperationPage() {
  const { id = '' } = useParams();
  const nameOf = useNames();
  const { data: operation, error, refetch } = useOperation(id);
  if (operation === undefined) {
    return (
      <>
        <PageHeader title="Operation" />
        {error === null ? (
          <Loading lines={5} />
        ) : error instanceof Problem && error.status === 404 ? (
          <ErrorNotice error={error} notice={gone}>
            <BackToAll />
          </ErrorNotice>
        ) : (
          <ErrorNotice error={error} onRetry={() => void refetch()} />
        )}
      </>
    );
  }
  return (
    <>
      <PageHeader
        title={`${kindOf(operation.kind)} ${nameOf(operation.extension)}`}
        lead={<StatusBadge status={operation.state} />}
        actions={
          <>
            <CancelButton operation={operation} />
            <BackToAll />
          </>
        }
      />
      <Outcome operation={operation} />
      <Facts operation={operation} />
      <Section title="Stages">
        <div className="card">
          <StageList operation={operation} />
        </div>
      </Section>
      <Parts operation={operation} />
    </>
  );
}

const gone = {
  title: 'No such operation',
  detail: 'There is no operation with this id. The last 1,000 are kept.',
  items: [],
  log: '',
  next: '',
  code: 'not_found',
};

function BackToAll() {
  return (
    <Button component={Link} to="/operations" size="xs" variant="default">
      All operations
    </Button>
  );
}

function Outcome({ operation }: { operation: Operation }) {
  const { error, result } = operation;
  return (
    <div className={classes.stack} role="status">
      {!isOver(operation) && <OperationProgress operation={operation} />}
      {error !== undefined && operation.state === 'cancelled' && <p className={`${classes.cause} name`}><Prose text={error.detail} /></p>}
      {error !== undefined && operation.state !== 'cancelled' && (
        <ErrorNotice error={undefined} notice={noticeOfOperation(operation, error)}>
          <Again operation={operation} />
        </ErrorNotice>
      )}
      {result !== undefined && (
        <div className={`card ${classes.result}`}>
          <p className="name">{result.message}</p>
          {list(result.also_enabled).length > 0 && <p className="name">Enabled with it: {list(result.also_enabled).join(', ')}</p>}
          {list(result.dependents_warning).length > 0 && <p className="name">These need it: {list(result.dependents_warning).join(', ')}</p>}
          {result.cleanup_hint && <p className="name">{result.cleanup_hint}</p>}
          {list(result.warnings).map((warning) => (
            <p key={warning} className="name">
              {warning}
            </p>
          ))}
        </div>
      )}
    </div>
  );
}

// What failed can be wanted once more, but for what asks a person something first.
function Again({ operation }: { operation: Operation }) {
  const { session } = useSession();
  const change = useChange();
  const { kind, extension: id } = operation;
  const repeatable = kind === 'enable' || kind === 'disable' || kind === 'start' || kind === 'stop' || kind === 'restart';
  if (!repeatable || !may(session, 'operate')) return null;
  if (change.data !== undefined) {
    return (
      <Link to={`/operations/${change.data.id}`} className="name">
        It is being tried again
      </Link>
    );
  }
  return (
    <>
      <Button size="xs" variant="default" loading={change.isPending} onClick={() => change.begin({ action: kind, id })}>
        Try again
      </Button>
      {change.error !== null && <ErrorNotice error={change.error} urgent />}
    </>
  );
}

function Facts({ operation }: { operation: Operation }) {
  const nameOf = useNames();
  return (
    <dl className={classes.facts}>
      <div>
        <dt>Extension</dt>
        <dd>
          <ExtensionLink id={operation.extension} name={nameOf(operation.extension)} />
        </dd>
      </div>
      <div>
        <dt>Began</dt>
        <dd>
          <TimeAgo time={operation.started} />
        </dd>
      </div>
      <div>
        <dt>{operation.ended === undefined ? 'For' : 'Took'}</dt>
        <dd>
          <Took from={operation.started} to={operation.ended} />
        </dd>
      </div>
      <div>
        <dt>By</dt>
        <dd className="name">{whoOf(operation.actor)}</dd>
      </div>
      {operation.cancelled_by !== undefined && (
        <div>
          <dt>Cancelled by</dt>
          <dd className="name">{whoOf(operation.cancelled_by)}</dd>
        </div>
      )}
      {operation.parent !== undefined && (
        <div>
          <dt>Part of</dt>
          <dd>
            <Link to={`/operations/${operation.parent}`}>another operation</Link>
          </dd>
        </div>
      )}
    </dl>
  );
}

// What an operation did first of others: dependencies that it enabled, what a configuration restarted.
function Parts({ operation }: { operation: Operation }) {
  const { data } = useQuery(queries.operations({ limit: 200 }));
  const parts = list(data?.operations).filter(({ parent }) => parent === operation.id);
  if (parts.length === 0) return null;
  return (
    <Section title="Its parts">
      <ul className={`plain-list ${classes.list}`}>
        {parts.map((part) => (
          <li key={part.id}>
            <OperationRow operation={part} />
          </li>
        ))}
      </ul>
    </Section>
  );
}
