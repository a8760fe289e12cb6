import { useQuery } from '@tanstack/react-query';

import { queries } from '../../api/queries';
import type { Status } from '../../api/types';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { duration } from '../../parts/format';
import { Loading } from '../../parts/Loading';
import { Meter } from '../../parts/Meter';
import { Section } from '../../parts/Section';
import classes from './Overview.module.css';

/** Machine is how busy the machine is, and what its disk holds. */
export function Machine() {
  const { data: status, error, refetch } = useQuery({ ...queries.status(), refetchInterval: 5_000 });
  return (
    <Section title="Machine" aside={status === undefined ? undefined : nameOf(status)}>
      {status === undefined ? (
        error === null ? <Loading lines={1} height={170} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />
      ) : (
        <div className={`card ${classes.meters}`}>
          <Meter label="Processor" tight={Infinity} value={status.cpu.percent} text={status.cpu.percent === null ? 'not known' : `${status.cpu.percent} %`} />
          <Meter label="Memory" value={status.ram.used_gb} max={status.ram.total_gb ?? 0} text={ofTotal(status.ram.used_gb, status.ram.total_gb)} />
          <Meter
            label="Disk"
            value={status.disk?.percent}
            text={status.disk === null ? 'not known' : ofTotal(status.disk.used_gb, status.disk.total_gb)}
          />
          <Storage />
        </div>
      )}
    </Section>
  );
}

function nameOf({ system }: Status): string {
  const up = system.uptime === null ? '' : `up for ${duration(system.uptime * 1000)}`;
  return [system.hostname, up].filter(Boolean).join(', ');
}

function ofTotal(used: number | null | undefined, total: number | null): string {
  if (total === null) return 'not known';
  return used === null || used === undefined ? `${total.toFixed(1)} GB` : `${used.toFixed(1)} of ${total.toFixed(1)} GB`;
}

// What the data directory holds is counted by the agent while somebody asks, which can take a while. Its place is kept.
function Storage() {
  const { data } = useQuery(queries.storage());
  const rows = [
    ['All data', data?.total_data.formatted ?? '…'],
    ['Models', data?.models.formatted ?? '…'],
    ['Vector databases', data?.vector_db.formatted ?? '…'],
  ] as const;
  return (
    <dl className={classes.facts}>
      {rows.map(([label, size]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{size}</dd>
        </div>
      ))}
      {data?.problem !== undefined && <p className={classes.dim}>{data.problem}</p>}
    </dl>
  );
}
