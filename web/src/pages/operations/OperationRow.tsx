import { Link } from 'react-router';

import type { Operation } from '../../api/types';
import { CancelButton } from '../../operations/CancelButton';
import { OperationProgress } from '../../operations/OperationProgress';
import { isOver } from '../../operations/useOperations';
import { kindOf, whoOf } from '../../operations/words';
import { Prose } from '../../parts/Prose';
import { StatusBadge } from '../../parts/StatusBadge';
import { TimeAgo, Took } from '../../parts/TimeAgo';
import { useNames } from '../../parts/useNames';
import classes from './Operations.module.css';

/** OperationRow is an operation in a list: what, how it ended or how far it is, when, who. */
export function OperationRow({ operation }: { operation: Operation }) {
  const nameOf = useNames();
  return (
    <article className={classes.row}>
      <div className={classes.head}>
        <Link to={`/operations/${operation.id}`} className={`${classes.title} name`}>
          {kindOf(operation.kind)} {nameOf(operation.extension)}
        </Link>
        <StatusBadge status={operation.state} />
        <span className={classes.when}>
          <TimeAgo time={operation.started} />
          {isOver(operation) && (
            <>
              {' · '}
              <Took from={operation.started} to={operation.ended} />
            </>
          )}
        </span>
        <CancelButton operation={operation} />
      </div>
      {!isOver(operation) && <OperationProgress operation={operation} />}
      {operation.error !== undefined && operation.state === 'failed' && <p className={`${classes.cause} name`}><Prose text={operation.error.detail} /></p>}
      <p className={`${classes.who} name`}>
        {whoOf(operation.actor)}
        {operation.parent !== undefined && (
          <>
            {' · part of '}
            <Link to={`/operations/${operation.parent}`}>another operation</Link>
          </>
        )}
      </p>
    </article>
  );
}
