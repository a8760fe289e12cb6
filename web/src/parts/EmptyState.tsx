import type { LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';

import classes from './EmptyState.module.css';

interface EmptyStateProps {
  icon: LucideIcon;
  title: string;
  /** Why nothing is here, and what to do about it. */
  children?: ReactNode;
}

/** EmptyState stands where a list has nothing. */
export function EmptyState({ icon: Icon, title, children }: EmptyStateProps) {
  return (
    <div className={classes.empty}>
      <Icon size={22} aria-hidden="true" />
      <p className={classes.title}>{title}</p>
      {children !== undefined && <div className={classes.text}>{children}</div>}
    </div>
  );
}
