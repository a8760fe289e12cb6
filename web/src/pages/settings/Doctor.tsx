import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { CircleCheck, RefreshCw } from 'lucide-react';

import { serverNow } from '../../api/clock';
import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { Answer } from '../../parts/Answer';
import { count } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import { Steps } from '../../parts/Steps';
import { TimeAgo } from '../../parts/TimeAgo';
import { ToneBadge } from '../../parts/ToneBadge';
import { type Finding, grouped, severityOf, whereToLook } from './doctor-findings';
import classes from './Settings.module.css';

/** Doctor is what is wrong with the installation, and what to do about it. */
export function Doctor() {
  const query = useQuery(queries.doctor());
  return (
    <Section
      title="Doctor"
      aside={
        <Button
          size="xs"
          variant="default"
          leftSection={<RefreshCw size={14} aria-hidden="true" />}
          loading={query.isFetching}
          onClick={() => void query.refetch()}
        >
          Look again
        </Button>
      }
    >
      <Answer query={query} of="what is wrong" loading={<Loading lines={3} height={64} />}>
        {(report) => <Report checks={list(report.checks)} at={new Date(serverNow(query.dataUpdatedAt)).toISOString()} />}
      </Answer>
    </Section>
  );
}

function Report({ checks, at }: { checks: readonly Finding[]; at: string }) {
  const { wrong, skipped, fine } = grouped(checks);
  return (
    <div className={classes.stack}>
      <p role="status" className={classes.fine}>
        {wrong.length === 0 && <CircleCheck size={18} aria-hidden="true" />}
        <span>
          {wrong.length === 0 ? 'Nothing is wrong, as far as can be seen from here.' : `${count(wrong.length, 'thing')} to look at.`}{' '}
          <span className={classes.dim}>
            Looked <TimeAgo time={at} />.
          </span>
        </span>
      </p>
      {wrong.length > 0 && (
        <ul className={`plain-list ${classes.list}`} aria-label="What is wrong">
          {wrong.map((finding, i) => (
            <li key={i}>
              <Wrong finding={finding} />
            </li>
          ))}
        </ul>
      )}
      {skipped.length > 0 && (
        <details className={classes.folded}>
          <summary>{count(skipped.length, 'check')} could not be made from here</summary>
          <Folded findings={skipped} />
          {whereToLook(skipped).map((fix) => (
            <Steps key={fix} fix={fix} />
          ))}
        </details>
      )}
      {fine.length > 0 && (
        <details className={classes.folded}>
          <summary>{fine.length === 1 ? '1 is' : `${fine.length} are`} fine</summary>
          <Folded findings={fine} />
        </details>
      )}
    </div>
  );
}

function Wrong({ finding }: { finding: Finding }) {
  return (
    <>
      <div className={classes.head}>
        <ToneBadge look={severityOf(finding.severity)} />
        <span className={`${classes.title} name`}>
          <Prose text={finding.title} />
        </span>
        <span className={`${classes.check} name`}>{finding.id}</span>
      </div>
      {finding.detail !== undefined && finding.detail !== '' && (
        <p className={`${classes.detail} name`}>
          <Prose text={finding.detail} />
        </p>
      )}
      <Steps fix={finding.fix} />
    </>
  );
}

function Folded({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul>
      {findings.map(({ id, title }, i) => (
        <li key={`${id} ${i}`} className="name">
          {title}
        </li>
      ))}
    </ul>
  );
}
