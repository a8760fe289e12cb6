import { useQuery } from '@tanstack/react-query';

import { Problem } from '../../api/problem';
import { queries } from '../../api/queries';
import { list, type Schemas } from '../../api/types';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { ExtensionLink } from '../../parts/ExtensionLink';
import { megabytes, sentence } from '../../parts/format';
import { Meter } from '../../parts/Meter';
import { Prose } from '../../parts/Prose';
import { Section } from '../../parts/Section';
import { isAway } from './away';
import classes from './Overview.module.css';

type Gpu = Schemas['GpuDevice'];

/** Gpus shows each GPU, and whose work is on it. A machine without one says so in a line. */
export function Gpus() {
  const { data, error, refetch } = useQuery(queries.gpus());
  const { data: status } = useQuery(queries.status());
  // What was read last is no answer to what is so now.
  if (error instanceof Problem && error.status === 503) {
    return (
      <Section title="GPU">
        <p className={`${classes.quiet} name`}><Prose text={isAway(status?.agent) ? 'Its figures come from the host agent, and show here when it is back.' : sentence(error.message)} /></p>
      </Section>
    );
  }
  if (error !== null && data === undefined) {
    return (
      <Section title="GPU">
        <ErrorNotice error={error} onRetry={() => void refetch()} />
      </Section>
    );
  }
  if (data === undefined) {
    return (
      <Section title="GPU">
        <p className={classes.quiet}>…</p>
      </Section>
    );
  }
  return (
    <Section title={data.gpu_count === 1 ? 'GPU' : 'GPUs'}>
      {data.problem !== undefined && <p className={classes.dim}>{data.problem}</p>}
      <ul className={`plain-list ${classes.stack}`}>
        {list(data.gpus).map((gpu) => (
          <li key={gpu.uuid} className={`card ${classes.meters}`}>
            <OneGpu gpu={gpu} />
          </li>
        ))}
      </ul>
    </Section>
  );
}

function OneGpu({ gpu }: { gpu: Gpu }) {
  const facts = [
    gpu.utilization_percent === undefined ? '' : `${gpu.utilization_percent} % busy`,
    gpu.temperature_c === undefined ? '' : `${gpu.temperature_c} °C`,
    gpu.power_w === undefined ? '' : `${Math.round(gpu.power_w)} W`,
  ].filter(Boolean);
  const memory = gpu.memory_type === 'unified' ? 'Memory, shared with the processor' : 'VRAM';
  return (
    <>
      <div className={classes.head}>
        <h3 className="name">{gpu.name}</h3>
        <span className={classes.dim}>{facts.join(' · ')}</span>
      </div>
      <Meter
        label={memory}
        value={gpu.memory_used_mb}
        max={gpu.memory_total_mb ?? 0}
        text={gpu.memory_used_mb === undefined ? 'not told by the driver' : `${megabytes(gpu.memory_used_mb)} of ${megabytes(gpu.memory_total_mb)}`}
      />
      {list(gpu.users).length === 0 ? (
        <p className={classes.dim}>Nobody computes on it now.</p>
      ) : (
        <ul className="plain-list" aria-label={`Who uses ${gpu.name}`}>
          {list(gpu.users).map((user, i) => (
            <li key={user.container ?? i} className={classes.use}>
              <UserName user={user} />
              <span className={classes.dim}>{user.memory_mb === undefined ? 'memory not told' : megabytes(user.memory_mb)}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function UserName({ user }: { user: Schemas['GpuUser'] }) {
  if (user.extension !== undefined) return <ExtensionLink id={user.extension} name={user.container ?? user.extension} />;
  return <span className="name">{user.container ?? 'Programs outside of containers'}</span>;
}
