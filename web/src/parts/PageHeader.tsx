import type { ReactNode } from 'react';

import classes from './PageHeader.module.css';

interface PageHeaderProps {
  title: ReactNode;
  /** One sentence about what is here. */
  lead?: ReactNode;
  /** What can be done with the whole page. */
  actions?: ReactNode;
}

/** PageHeader is the one h1 of a page. */
export function PageHeader({ title, lead, actions }: PageHeaderProps) {
  return (
    <header className={classes.header}>
      <div className={classes.words}>
        <h1 className="name">{title}</h1>
        {lead !== undefined && <p className={classes.lead}>{lead}</p>}
      </div>
      {actions !== undefined && <div className={classes.actions}>{actions}</div>}
    </header>
  );
}
