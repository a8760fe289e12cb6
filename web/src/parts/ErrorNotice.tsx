import { Button } from '@mantine/core';
import { CircleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

import { type Notice, noticeOf } from '../api/problem';
import type { Item } from '../api/types';
import classes from './ErrorNotice.module.css';
import { Prose } from './Prose';

interface ErrorNoticeProps {
  /** What was thrown, or a notice that is made of it already. */
  error: unknown;
  notice?: Notice;
  onRetry?: () => void;
  /** What else a person can do, such as a link. */
  children?: ReactNode;
  /** Announced at once to who does not see it; for answers to something that was just done. */
  urgent?: boolean;
}

/** ErrorNotice says what went wrong, each cause, the end of the log, and what to do next. */
export function ErrorNotice({ error, notice = noticeOf(error), onRetry, children, urgent = false }: ErrorNoticeProps) {
  return (
    <div className={classes.notice} role={urgent ? 'alert' : 'group'} aria-label={urgent ? undefined : notice.title}>
      <CircleAlert className={classes.icon} size={18} aria-hidden="true" />
      <div className={classes.text}>
        <p className={classes.title}>{notice.title}</p>
        <p className={`${classes.detail} name`}><Prose text={notice.detail} /></p>
        {notice.items.length > 0 && (
          <ul className={classes.items}>
            {notice.items.slice(0, 50).map((item, i) => (
              <li key={i}>
                <Cause item={item} />
              </li>
            ))}
            {notice.items.length > 50 && <li>… and {notice.items.length - 50} more</li>}
          </ul>
        )}
        {notice.log !== '' && (
          <details className={classes.log} open>
            <summary>The end of its log</summary>
            {/* It scrolls, so it must be reachable with the keyboard. */}
            {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
            <pre tabIndex={0} aria-label="Log">
              {notice.log}
            </pre>
          </details>
        )}
        {notice.next !== '' && <p className={classes.next}><Prose text={notice.next} /></p>}
        {(onRetry !== undefined || children !== undefined) && (
          <div className={classes.actions}>
            {onRetry && (
              <Button size="xs" variant="default" onClick={onRetry}>
                Try again
              </Button>
            )}
            {children}
          </div>
        )}
      </div>
    </div>
  );
}

function Cause({ item }: { item: Item }) {
  const where = [item.file && (item.line ? `${item.file}:${item.line}` : item.file), item.path].filter(Boolean).join(' ');
  return (
    <span className="name">
      {where !== '' && <code>{where}</code>} <Prose text={item.message} />
      {item.fix && <span className={classes.fix}> <Prose text={item.fix} /></span>}
    </span>
  );
}
