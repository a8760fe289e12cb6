import { list, type Operation } from '../api/types';
import { bytes } from '../parts/format';
import { Took } from '../parts/TimeAgo';
import classes from './OperationProgress.module.css';
import { current, stageAt } from './words';

/** OperationProgress shows how far an operation is: what it does now, and a bar where its share is known. */
export function OperationProgress({ operation }: { operation: Operation }) {
  const stage = current(operation);
  const percent = stage?.percent;
  const text = textOf(operation);
  return (
    <div className={classes.progress}>
      <div className={classes.line}>
        <span className="name">{text}</span>
        <span className={classes.time}>
          <Took from={operation.started} to={operation.ended} />
        </span>
      </div>
      {operation.state === 'running' && (
        <div
          className={classes.track}
          role="progressbar"
          aria-label={text}
          aria-valuemin={0}
          aria-valuemax={100}
          {...(percent === undefined ? {} : { 'aria-valuenow': percent })}
          data-unknown={percent === undefined || undefined}
        >
          <div className={classes.bar} style={percent === undefined ? undefined : { width: `${Math.min(100, Math.max(0, percent))}%` }} />
        </div>
      )}
    </div>
  );
}

function textOf(operation: Operation): string {
  switch (operation.state) {
    case 'waiting':
      return 'Its files are changed. The host agent does the rest when it is back.';
    case 'interrupted':
      return 'It was interrupted. The host agent finishes or undoes it.';
    case 'running': {
      const stage = current(operation);
      if (stage === undefined) return 'Begins';
      return [stageAt(operation, list(operation.stages).length - 1), figuresOf(stage)].filter(Boolean).join(' · ');
    }
    default:
      return '';
  }
}

/** figuresOf is the bytes and the detail of a stage. */
export function figuresOf(stage: NonNullable<Operation['stages']>[number]): string {
  const parts: string[] = [];
  if (stage.percent !== undefined) parts.push(`${stage.percent} %`);
  if (stage.bytes !== undefined && (stage.total_bytes ?? 0) > 0) parts.push(`${bytes(stage.bytes)} of ${bytes(stage.total_bytes)}`);
  else if ((stage.bytes ?? 0) > 0) parts.push(bytes(stage.bytes));
  if (stage.detail) parts.push(stage.detail);
  return parts.join(' · ');
}
