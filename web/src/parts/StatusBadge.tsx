import classes from './StatusBadge.module.css';
import { lookOf } from './status';

/** StatusBadge shows a status of the API in words, with a mark that does not depend on colour alone. */
export function StatusBadge({ status, label }: { status: string | undefined; label?: string }) {
  const look = lookOf(status);
  return (
    <span className={classes.badge} data-tone={look.tone}>
      <span className={classes.mark} aria-hidden="true" />
      {label ?? look.label}
    </span>
  );
}
