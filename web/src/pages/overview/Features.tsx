import { useQuery } from '@tanstack/react-query';
import { Sparkles } from 'lucide-react';

import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { useRunning } from '../../operations/useOperations';
import { EmptyState } from '../../parts/EmptyState';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Loading } from '../../parts/Loading';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import { saysAway } from './away';
import { FeatureTile } from './FeatureTile';
import classes from './Overview.module.css';

/** Features is what the machine can do for a person, and how to get what it cannot do yet. */
export function Features() {
  const { data, error, refetch } = useQuery(queries.features());
  const running = useRunning();
  const { data: status } = useQuery(queries.status());
  const { data: links } = useQuery(queries.links());
  if (data === undefined) {
    return <Section title="Features">{error === null ? <Loading lines={2} height={150} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />}</Section>;
  }
  const features = list(data.features);
  return (
    <Section title="Features" aside={features.length > 0 ? `${data.summary.enabled} of ${data.summary.total} are on` : undefined}>
      {features.length === 0 && (
        <EmptyState icon={Sparkles} title="No feature yet">
          <p>What is switched on makes features possible: chat, search, speech. They show here as tiles.</p>
        </EmptyState>
      )}
      <ul className={`plain-list ${classes.tiles}`}>
        {features.map((feature) => (
          <li key={feature.id}>
            <FeatureTile feature={feature} running={running} link={list(links).find(({ id }) => id === feature.extension)} />
          </li>
        ))}
      </ul>
      {list(data.recommendations).filter((sentence) => !saysAway(sentence, status?.agent)).map((sentence) => (
        <p key={sentence} className={classes.advice}>
          <Prose text={sentence} />
        </p>
      ))}
    </Section>
  );
}
