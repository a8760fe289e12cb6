import { Check, CircleDashed, LoaderCircle, X } from 'lucide-react';

import { list, type Operation } from '../api/types';
import { Took } from '../parts/TimeAgo';
import { figuresOf } from './OperationProgress';
import classes from './StageList.module.css';
import { stageAt } from './words';

/** StageList shows the stages of an operation with how long each took. The one in which it failed is marked. */
export function StageList({ operation }: { operation: Operation }) {
  const stages = list(operation.stages);
  const failedAt = stageOfFailure(operation);
  if (stages.length === 0) return <p className={classes.none}>{operation.ended === undefined ? 'It has not begun yet.' : 'It ended before its first stage.'}</p>;
  return (
    <ol className={`plain-list ${classes.list}`}>
      {stages.map((stage, i) => {
        const state = i === failedAt ? 'failed' : stage.ended !== undefined || operation.ended !== undefined ? 'done' : operation.state === 'running' ? 'running' : 'open';
        const figures = figuresOf(stage);
        return (
          <li key={i} className={classes.stage} data-state={state}>
            <Mark state={state} />
            <div className={classes.words}>
              <span>{stageAt(operation, i)}</span>
              {figures !== '' && <span className={`${classes.figures} name`}>{figures}</span>}
            </div>
            <span className={classes.time}>
              <Took from={stage.started} to={stage.ended ?? operation.ended} />
            </span>
          </li>
        );
      })}
    </ol>
  );
}

const marks = { done: Check, failed: X, running: LoaderCircle, open: CircleDashed };
const spoken = { done: 'done', failed: 'failed', running: 'going on', open: 'not ended' };

function Mark({ state }: { state: keyof typeof marks }) {
  const Icon = marks[state];
  return <Icon size={16} className={classes.mark} aria-label={spoken[state]} role="img" />;
}

/** stageOfFailure is the place of the stage in which a failed operation failed: the last that was no undoing. */
export function stageOfFailure(operation: Operation): number {
  if (operation.state !== 'failed') return -1;
  return list(operation.stages).findLastIndex(({ name }) => name !== 'undo');
}
