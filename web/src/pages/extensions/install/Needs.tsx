import { Button } from '@mantine/core';
import { Link } from 'react-router';

import { Section } from '../../../parts/Section';
import { StatusBadge } from '../../../parts/StatusBadge';
import type { Need } from '../depends';
import classes from '../Detail.module.css';
import { standingOf } from '../state';

interface NeedsProps {
  needs: readonly Need[];
  /** An install asks for them first, one by one; an enable brings them along. */
  installs: boolean;
  id: string;
}

/** Needs is what has to be on before an extension can be. */
export function Needs({ needs, installs, id }: NeedsProps) {
  return (
    <Section title={installs ? 'It needs these first' : 'These come with it'}>
      <ul className={`plain-list ${classes.list}`}>
        {needs.map(({ id: need, entry }, i) => (
          <li key={need} className={`card ${classes.needRow}`}>
            <span className="name">
              <Link to={`/extensions/${encodeURIComponent(need)}`}>{entry?.name || need}</Link>
              {entry === undefined && <span className={classes.bad}> Nobody knows it: neither installed nor in the library</span>}
            </span>
            <span className={classes.fieldActions}>
              {entry !== undefined && <StatusBadge status={standingOf(entry).status} />}
              {entry !== undefined && installs && i === 0 && (
                <Button component={Link} size="xs" to={`/extensions/${encodeURIComponent(need)}/install?then=${encodeURIComponent(id)}`}>
                  {entry.status === 'disabled' ? 'Enable' : 'Install'} {entry.name || need}
                </Button>
              )}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
