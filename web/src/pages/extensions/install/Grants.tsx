import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';

import { queries } from '../../../api/queries';
import { type Entry, list } from '../../../api/types';
import { Section } from '../../../parts/Section';
import classes from '../Detail.module.css';
import { GrantList } from '../GrantList';
import { RatingWhy } from '../RatingWhy';
import { grantOf } from '../../../operations/grants';
import type { Grant, Plan } from '../usePlan';

interface GrantsProps {
  extension: Entry;
  plan: Plan;
  asked: readonly Grant[];
  accepted: readonly Grant[];
  /** It was tried to go on: what is not accepted says so. */
  tried: boolean;
  onAccept: (grants: readonly Grant[]) => void;
}

/** Grants is what an extension may do, and what it asks for beyond that, one by one. */
export function Grants({ extension, plan, asked, accepted, tried, onAccept }: GrantsProps) {
  const { data: told } = useQuery(queries.extension(extension.id));
  return (
    <Section title="What it may do">
      <div className={`card ${classes.list}`}>
        <GrantList grants={list(extension.grants).filter((grant) => !asked.includes(grant as Grant))} refused={plan.code === 'scan_refused'} />
        {asked.length > 0 && (
          <fieldset className={classes.accept}>
            <legend>It asks for more than other extensions have. Do you allow this?</legend>
            {asked.map((grant) => {
              const { may, means } = grantOf(grant);
              return (
                <Checkbox
                  key={grant}
                  name={`grant-${grant}`}
                  label={`It may ${may}`}
                  description={means}
                  checked={accepted.includes(grant)}
                  onChange={(event) => onAccept(event.currentTarget.checked ? [...accepted, grant] : accepted.filter((other) => other !== grant))}
                  error={tried && !accepted.includes(grant) ? 'It does not run without this.' : undefined}
                />
              );
            })}
          </fieldset>
        )}
        <RatingWhy rating={extension.rating} findings={told?.findings} />
      </div>
    </Section>
  );
}
