import { useQuery } from '@tanstack/react-query';
import { Gauge } from 'lucide-react';

import { Problem } from '../../../api/problem';
import { queries } from '../../../api/queries';
import { type Entry, list } from '../../../api/types';
import { EmptyState } from '../../../parts/EmptyState';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { bytes, count, megabytes } from '../../../parts/format';
import { Loading } from '../../../parts/Loading';
import { Meter } from '../../../parts/Meter';
import { Prose } from '../../../parts/Prose';
import { Section } from '../../../parts/Section';
import { TimeAgo } from '../../../parts/TimeAgo';
import classes from '../Detail.module.css';

/** Resources is what the containers of an extension use now, and what it has of the GPUs. */
export function Resources({ extension }: { extension: Entry }) {
  const { data, error, refetch } = useQuery(queries.resources());
  if (data === undefined) return error === null ? <Loading lines={3} height={120} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />;
  const own = list(data.containers).filter((container) => container.extension === extension.id);
  return (
    <>
      {own.length === 0 ? (
        <EmptyState icon={Gauge} title="No container of it runs">
          <p>What it uses shows here while it runs.</p>
        </EmptyState>
      ) : (
        <Section
          title="Containers"
          aside={
            <>
              read <TimeAgo time={data.sampled_at} />
            </>
          }
        >
          <div className={classes.meters}>
            {own.map((use) => (
              <article key={use.container} className={`card ${classes.list}`} aria-label={use.container}>
                <h3 className="name">{use.service}</h3>
                <Meter
                  label="Memory"
                  value={use.memory_used_bytes}
                  max={use.memory_limit_bytes}
                  text={`${bytes(use.memory_used_bytes)} of ${bytes(use.memory_limit_bytes)}`}
                />
                <Meter label="Processor" value={use.cpu_percent} text={use.cpu_percent === undefined ? 'not measured yet' : `${use.cpu_percent} % of one core`} tight={2} />
                <dl className={classes.figures}>
                  <dt>Network</dt>
                  <dd>
                    {bytes(use.network_rx_bytes)} in, {bytes(use.network_tx_bytes)} out
                  </dd>
                  <dt>Disk</dt>
                  <dd>
                    {bytes(use.block_read_bytes)} read, {bytes(use.block_write_bytes)} written
                  </dd>
                  <dt>Processes</dt>
                  <dd>{use.processes}</dd>
                </dl>
              </article>
            ))}
          </div>
          {data.problem && <p className={`${classes.dim} name`}>{data.problem}</p>}
        </Section>
      )}
      <OnGPU id={extension.id} />
    </>
  );
}

function OnGPU({ id }: { id: string }) {
  const { data, error } = useQuery(queries.gpus());
  if (data === undefined) {
    // Most machines without a GPU say so with this code; it is nothing that went wrong.
    if (error instanceof Problem && error.code === 'gpu_unavailable') {
      return (
        <Section title="GPU">
          <p className={`${classes.dim} name`}>
            <Prose text={error.message} />
          </p>
        </Section>
      );
    }
    return error === null ? null : <ErrorNotice error={error} />;
  }
  const used = list(data.gpus).flatMap((gpu) => list(gpu.users).filter((user) => user.extension === id).map((user) => ({ gpu, user })));
  return (
    <Section title="GPU">
      {used.length === 0 ? (
        <p className={classes.dim}>It computes on no GPU now.</p>
      ) : (
        <div className={classes.meters}>
          {used.map(({ gpu, user }, i) => (
            <article key={i} className={`card ${classes.list}`} aria-label={gpu.name}>
              <h3 className="name">{gpu.name}</h3>
              <Meter
                label="Memory of the GPU"
                value={user.memory_mb}
                max={gpu.memory_total_mb ?? 0}
                text={user.memory_mb === undefined ? 'the driver does not tell' : `${megabytes(user.memory_mb)} of ${megabytes(gpu.memory_total_mb)}`}
              />
              <p className={`${classes.dim} name`}>
                {count(user.processes, 'process', 'processes')} in {user.container ?? user.service ?? 'a container'}
              </p>
            </article>
          ))}
        </div>
      )}
    </Section>
  );
}
