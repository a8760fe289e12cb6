import { CopyLine } from './CopyLine';
import { stepsOf } from './fix';
import classes from './Steps.module.css';

/** Steps shows what to do about something, with commands that can be copied. */
export function Steps({ fix }: { fix: string | undefined }) {
  const steps = stepsOf(fix);
  if (steps.length === 0) return null;
  return (
    <ul className={`plain-list ${classes.steps}`} aria-label="What to do">
      {steps.map(({ before, command, after }, i) => (
        <li key={i} className="name">
          {before}
          {command !== '' && (
            <>
              {before !== '' && ' '}
              <CopyLine text={command} />
            </>
          )}
          {after}
        </li>
      ))}
    </ul>
  );
}
