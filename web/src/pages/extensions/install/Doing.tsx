import { Button } from '@mantine/core';
import { CircleCheck, ExternalLink } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { Link } from 'react-router';

import { Problem } from '../../../api/problem';
import { type Entry, list, type Operation } from '../../../api/types';
import { CancelButton } from '../../../operations/CancelButton';
import { noticeOfOperation, remediesOf } from '../../../operations/failure';
import { OperationProgress } from '../../../operations/OperationProgress';
import { StageList } from '../../../operations/StageList';
import { isOver, useOperation } from '../../../operations/useOperations';
import { doing, kindOf } from '../../../operations/words';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { Loading } from '../../../parts/Loading';
import { Prose } from '../../../parts/Prose';
import { Section } from '../../../parts/Section';
import classes from '../Detail.module.css';
import { openLinkOf } from '../openLink';
import { useEntries, useLinks } from '../useExtension';

interface DoingProps {
  /** The operation. */
  id: string;
  extension: Entry;
  /** The extension for which this one is turned on first. */
  then: string | undefined;
  onAgain: () => void;
}

/** Doing follows the operation that turns an extension on, to its end, and says what comes next. */
export function Doing({ id, extension, then, onAgain }: DoingProps) {
  const valid = operationID.test(id);
  const { data: operation, error: unanswered, refetch } = useOperation(valid ? id : undefined);
  const error = valid ? unanswered : nobody;
  const path = `/extensions/${encodeURIComponent(extension.id)}`;
  if (operation === undefined) {
    if (error === null) return <Loading lines={3} />;
    const gone = error instanceof Problem && error.status === 404;
    return (
      <ErrorNotice error={error} {...(gone ? { notice: lost } : { onRetry: () => void refetch() })}>
        <Button component={Link} to={path} size="xs" variant="default">
          See how it stands
        </Button>
      </ErrorNotice>
    );
  }
  return <Course operation={operation} extension={extension} then={then} onAgain={onAgain} />;
}

function Course({ operation, extension, then, onAgain }: Omit<DoingProps, 'id'> & { operation: Operation }) {
  const part = useRef<HTMLDivElement>(null);

  // The button that was pressed is gone: the keyboard goes on from here.
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement === null) part.current?.focus({ preventScroll: true });
  }, []);

  return (
    <div ref={part} tabIndex={-1} className={classes.course}>
      {operation.state === 'failed' && operation.error !== undefined ? (
        <ErrorNotice error={undefined} notice={noticeOfOperation(operation, operation.error)} urgent />
      ) : (
        <div className="card" role="status">
          <State operation={operation} />
        </div>
      )}
      {isOver(operation) && <Next operation={operation} extension={extension} then={then} onAgain={onAgain} />}
      <Section title="Stages">
        <div className="card">
          <StageList operation={operation} />
        </div>
      </Section>
    </div>
  );
}

function State({ operation }: { operation: Operation }) {
  if (!isOver(operation)) {
    return (
      <>
        <div className={classes.needRow}>
          <strong className="name">{doing(operation)}</strong>
          <CancelButton operation={operation} />
        </div>
        <OperationProgress operation={operation} />
        <p className={classes.dim}>It goes on when you leave this page.</p>
      </>
    );
  }
  const { result, error } = operation;
  switch (operation.state) {
    case 'succeeded':
      return (
        <div className={classes.done}>
          <CircleCheck size={22} aria-hidden="true" />
          <div>
            <strong>{result?.restart_required ? 'The files are changed; the host agent does the rest when it is back.' : 'It runs.'}</strong>
            {[result?.message, list(result?.also_enabled).length > 0 ? `Enabled with it: ${list(result?.also_enabled).join(', ')}.` : '', ...list(result?.warnings)].filter(Boolean).map((text, i) => (
              <p key={i} className="name">
                <Prose text={text ?? ''} />
              </p>
            ))}
          </div>
        </div>
      );
    case 'cancelled':
      return (
        <p style={{ margin: 0 }} className="name">
          <strong>Cancelled.</strong> <Prose text={error?.detail ?? ''} />
        </p>
      );
    default:
      return (
        <p style={{ margin: 0 }}>
          <strong>{kindOf(operation.kind)} failed.</strong>
        </p>
      );
  }
}

function Next({ operation, extension, then, onAgain }: Omit<DoingProps, 'id'> & { operation: Operation }) {
  const links = useLinks();
  const entries = useEntries();
  const path = `/extensions/${encodeURIComponent(extension.id)}`;
  const link = openLinkOf(extension, links, window.location);
  const next = entries.find((entry) => entry.id === then);
  const done = operation.state === 'succeeded';
  const { policies, log } = remediesOf(operation, operation.error?.code ?? '');
  return (
    <div className={classes.actions}>
      {done && next !== undefined && next.status !== 'enabled' && (
        <Button component={Link} to={`/extensions/${encodeURIComponent(next.id)}/install`}>
          Continue with {next.name || next.id}
        </Button>
      )}
      {done && link !== undefined && link.blocked === '' && (
        <Button component="a" href={link.href} target="_blank" rel="noopener noreferrer" rightSection={<ExternalLink size={15} aria-hidden="true" />}>
          Open<span className="visually-hidden"> {extension.name} in a new tab</span>
        </Button>
      )}
      {policies && (
        <Button component={Link} to="/security">
          See the policies
        </Button>
      )}
      {!done && (
        <Button variant={policies ? 'default' : 'filled'} onClick={onAgain}>
          Try again
        </Button>
      )}
      {operation.state === 'failed' && log && extension.status !== 'not_installed' && (
        <Button component={Link} to={`${path}?tab=logs`} variant="default">
          See the log
        </Button>
      )}
      <Button component={Link} to={path} variant="default">
        <span className="name">See {extension.name || extension.id}</span>
      </Button>
    </div>
  );
}

// An address can have anything in it; what no operation is called is not asked for.
const operationID = /^[\w-]{1,100}$/;
const nobody = new Problem({ code: 'not_found' }, 404);

const lost = {
  title: 'Nobody remembers this change',
  detail: 'There is no operation with this id. The last 1,000 are kept.',
  items: [],
  log: '',
  next: '',
  code: 'not_found',
};
