import { useQuery } from '@tanstack/react-query';

import { clockSkew } from '../../api/clock';
import { queries } from '../../api/queries';
import { list } from '../../api/types';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { duration } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import classes from './Settings.module.css';
import { versionsOf } from './version-list';

/** Versions is what runs, and what does not fit together. */
export function Versions() {
  const status = useQuery(queries.status());
  const doctor = useQuery(queries.doctor());
  const skew = clockSkew();
  return (
    <Section title="Versions">
      {status.error !== null && <ErrorNotice error={status.error} onRetry={() => void status.refetch()} />}
      {status.isPending && status.error === null ? (
        <Loading lines={1} height={72} />
      ) : (
        <div className="card">
          <dl className={classes.facts}>
            {versionsOf(__VERSION__, status.data, list(doctor.data?.checks)).map(({ part, version, problem }) => (
              <div key={part}>
                <dt>{part}</dt>
                <dd className="name">
                  {version}
                  {problem !== '' && (
                    <p className={classes.problem}>
                      <Prose text={problem} />
                    </p>
                  )}
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
      {skew !== 0 && (
        <p className={classes.note}>
          The clock of this device is {duration(Math.abs(skew))} {skew > 0 ? 'behind' : 'ahead of'} that of Dream Server. Times here are Dream
          Server&rsquo;s.
        </p>
      )}
    </Section>
  );
}
