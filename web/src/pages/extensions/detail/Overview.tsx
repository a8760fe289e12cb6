import { useQuery } from '@tanstack/react-query';
import { Link } from 'react-router';

import { queries } from '../../../api/queries';
import { type Entry, list, may } from '../../../api/types';
import { useSession } from '../../../app/session';
import { CopyLine } from '../../../parts/CopyLine';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { words } from '../../../parts/format';
import { iconOf } from '../../../parts/icons';
import { Loading } from '../../../parts/Loading';
import { Prose } from '../../../parts/Prose';
import { Section } from '../../../parts/Section';
import { StatusBadge } from '../../../parts/StatusBadge';
import { TimeAgo } from '../../../parts/TimeAgo';
import { isAway } from '../away';
import { neededBy, needsOf } from '../depends';
import classes from '../Detail.module.css';
import { fitOf, gigabytes, useMachine, vramText } from '../fit';
import { GrantList } from '../GrantList';
import { RatingWhy, Refusals } from '../RatingWhy';
import { refusalsOf } from '../rating';
import { PlanFacts, PolicyChanges } from '../PlanSummary';
import { standingOf } from '../state';
import { useEntries } from '../useExtension';
import { usePlan } from '../usePlan';

/** Overview is what an extension is for, what it needs, and what it may do. */
export function Overview({ extension }: { extension: Entry }) {
  const features = list(extension.features);
  return (
    <div className={classes.columns}>
      <div>
        <p className={`${classes.lead} name`} dir="auto">
          {extension.description || 'It says nothing about itself.'}
        </p>
        {features.length > 0 && (
          <Section title="What it makes possible">
            <ul className={`plain-list ${classes.list}`}>
              {features.map((feature) => (
                <li key={feature.id} className={`card ${classes.item}`}>
                  <FeatureIcon name={feature.icon} />
                  <div>
                    <h3 className="name">{feature.name || feature.id}</h3>
                    <p className="name">{feature.description}</p>
                    <p>{wants(feature)}</p>
                  </div>
                </li>
              ))}
            </ul>
          </Section>
        )}
        <Permissions extension={extension} />
        <Dependencies extension={extension} />
      </div>
      <aside aria-label="Facts">
        <Facts extension={extension} />
      </aside>
    </div>
  );
}

function FeatureIcon({ name }: { name: string }) {
  const Icon = iconOf(name);
  return <Icon size={20} strokeWidth={1.75} aria-hidden="true" />;
}

function wants({ requirements, setup_time: setup, category }: Entry['features'][number]): string {
  return [
    words(category),
    (requirements?.vram_gb ?? 0) > 0 && `${gigabytes(requirements.vram_gb)} of GPU memory`,
    (requirements?.disk_gb ?? 0) > 0 && `${gigabytes(requirements.disk_gb ?? 0)} of disk`,
    setup && `ready in ${setup}`,
  ]
    .filter(Boolean)
    .join(' · ');
}

function Permissions({ extension }: { extension: Entry }) {
  const { session } = useSession();
  const core = extension.source === 'core' && !extension.can_toggle;
  const asks = may(session, 'operate') && !core;
  const plan = usePlan(extension.id, {}, asks);
  const { data: told } = useQuery(queries.extension(extension.id));
  const refusals = plan.data?.code === 'scan_refused' && list(plan.data.errors).length > 0 ? list(plan.data.errors) : refusalsOf(told?.findings);
  return (
    <Section title="What it may do">
      <div className={`card ${classes.list}`}>
        {core ? <p style={{ margin: 0 }}>It is part of Dream Server itself, and not judged as an extension.</p> : <GrantList grants={list(extension.grants)} refused={refusals.length > 0} />}
        {refusals.length > 0 && <Refusals items={refusals} />}
        <RatingWhy rating={extension.rating} findings={told?.findings} />
      </div>
      {asks && (
        <div className={`card ${classes.list}`} style={{ marginTop: '0.75rem' }}>
          {plan.data !== undefined ? (
            <>
              {plan.data.plan_hash === undefined ? <p style={{ margin: 0 }} className="name"><Prose text={plan.data.text ?? 'Nobody can tell now what it would come to.'} /></p> : <PlanFacts plan={plan.data} />}
              {plan.data.plan_hash !== undefined && <PolicyChanges plan={plan.data} />}
            </>
          ) : isAway(plan.error) ? (
            <p style={{ margin: 0 }}>Its ports, its images and what policies make of it show here when the host agent is back.</p>
          ) : plan.error !== null ? (
            <ErrorNotice error={plan.error} onRetry={() => void plan.refetch()} />
          ) : (
            <Loading lines={2} height={44} />
          )}
        </div>
      )}
    </Section>
  );
}

function Dependencies({ extension }: { extension: Entry }) {
  const entries = useEntries();
  const needs = needsOf(extension.id, entries);
  const needed = neededBy(extension.id, entries);
  if (needs.length === 0 && needed.length === 0) return null;
  return (
    <>
      {needs.length > 0 && (
        <Section title="It needs">
          <ul className={`plain-list ${classes.list}`}>
            {needs.map(({ id, entry }) => (
              <Row key={id} id={id} entry={entry} />
            ))}
          </ul>
        </Section>
      )}
      {needed.length > 0 && (
        <Section title="Needed by">
          <ul className={`plain-list ${classes.list}`}>
            {needed.slice(0, 50).map((entry) => (
              <Row key={entry.id} id={entry.id} entry={entry} />
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function Row({ id, entry }: { id: string; entry: Entry | undefined }) {
  if (entry === undefined) {
    return (
      <li className={`card ${classes.needRow}`}>
        <code className="name">{id}</code>
        <span className={classes.bad}>Nobody knows it: neither installed nor in the library</span>
      </li>
    );
  }
  const { status, label } = standingOf(entry);
  return (
    <li className={`card ${classes.needRow}`}>
      <Link to={`/extensions/${encodeURIComponent(id)}`} className="name">
        {entry.name || id}
      </Link>
      <StatusBadge status={status} {...(label === undefined ? {} : { label })} />
    </li>
  );
}

function Facts({ extension }: { extension: Entry }) {
  const { data: catalog } = useQuery(queries.catalog());
  const machine = useMachine(catalog);
  const { data: told } = useQuery(queries.extension(extension.id));
  const { runtime } = extension;
  const fit = fitOf(extension, machine);
  const vram = vramText(extension, machine.backend);
  const containers = list(runtime.containers);
  const setup = told?.setup_instructions;
  return (
    <>
      <Section title="On this machine">
        <dl className={classes.facts}>
          <div>
            <dt>GPU</dt>
            <dd>
              {list(extension.gpu_backends).some((backend) => backend === 'all' || backend === 'none') ? 'Runs on any machine' : `Made for ${list(extension.gpu_backends).join(', ')}`}
              {vram !== '' && `; wants ${vram}`}
              {fit.fits === false && <p className={classes.bad}>{fit.why}</p>}
            </dd>
          </div>
          {runtime.started_at && (
            <div>
              <dt>{runtime.state === 'running' || runtime.state === 'partial' ? 'Runs since' : 'Started last'}</dt>
              <dd>
                <TimeAgo time={runtime.started_at} />
                {(runtime.restarts ?? 0) > 0 && `, restarted ${runtime.restarts} times`}
              </dd>
            </div>
          )}
          {runtime.image && (
            <div>
              <dt>Image</dt>
              <dd>
                <code className="name">{runtime.image}</code>
              </dd>
            </div>
          )}
          {containers.length > 0 && (
            <div>
              <dt>Containers</dt>
              <dd>
                <ul className="plain-list">
                  {containers.map((container) => (
                    <li key={container.id} className={classes.needRow}>
                      <code className="name">{container.name}</code>
                      <span className={classes.dim}>{container.state}</span>
                    </li>
                  ))}
                </ul>
              </dd>
            </div>
          )}
          <div>
            <dt>Category</dt>
            <dd>{words(extension.category)}</dd>
          </div>
          {list(extension.tags).length > 0 && (
            <div>
              <dt>Tags</dt>
              <dd className="name">{list(extension.tags).join(', ')}</dd>
            </div>
          )}
        </dl>
      </Section>
      {setup !== undefined && extension.can_toggle && (
        <Section title="From the command line">
          <div className={classes.list}>
            <CopyLine text={extension.status === 'enabled' ? setup.cli_disable : setup.cli_enable} />
            <CopyLine text={`dream logs ${extension.id}`} />
          </div>
        </Section>
      )}
    </>
  );
}
