import { useQuery } from '@tanstack/react-query';
import { Globe, Lock } from 'lucide-react';
import { Link } from 'react-router';

import { ask } from '../../api/client';
import { list } from '../../api/types';
import { count } from '../../parts/format';
import { Prose } from '../../parts/Prose';
import classes from './Detail.module.css';
import { changesOf, downloadOf, effectsOf, portsOf, saidOf } from './planView';
import type { Plan } from './usePlan';

/** PlanFacts is what a change comes to: ports and who has them, what is fetched, what happens to containers, secrets that are made. */
export function PlanFacts({ plan }: { plan: Plan }) {
  const download = downloadOf(plan);
  const effects = effectsOf(plan);
  const generated = list(plan.generated);
  return (
    <>
      <dl className={classes.facts}>
        <div>
          <dt>Ports on this machine</dt>
          <dd>
            <Ports plan={plan} />
          </dd>
        </div>
        {download !== '' && (
          <div>
            <dt>Images</dt>
            <dd>
              {download}
              <ul className={`plain-list ${classes.small}`}>
                {list(plan.images).map(({ image, state }) => (
                  <li key={image} className="name">
                    <code>{image}</code>
                    {state === 'present' ? ' is here' : ''}
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
        {effects.length > 0 && (
          <div>
            <dt>Containers</dt>
            <dd className="name">{effects.join('; ')}</dd>
          </div>
        )}
        {generated.length > 0 && (
          <div>
            <dt>Secrets</dt>
            <dd>
              {count(generated.length, 'secret')} made up and kept on this machine:{' '}
              <span className="name">
                {generated.map((key, i) => (
                  <span key={key}>
                    {i > 0 && ', '}
                    <code>{key}</code>
                  </span>
                ))}
              </span>
            </dd>
          </div>
        )}
        {list(plan.warnings).length > 0 && (
          <div>
            <dt>Worth knowing</dt>
            <dd>
              <ul>
                {list(plan.warnings).map((warning, i) => (
                  <li key={i} className="name">
                    <Prose text={warning} />
                  </li>
                ))}
              </ul>
            </dd>
          </div>
        )}
      </dl>
    </>
  );
}

/** Ports is what is published, and who has a port that is taken. */
function Ports({ plan }: { plan: Plan }) {
  const rows = portsOf(plan);
  const fresh = plan.operation !== 'start'; // the ports of what runs are its own
  const ports = rows.flatMap(({ port }) => (port === undefined ? [] : [port])).slice(0, 100);
  const { data } = useQuery({
    queryKey: ['ports', ports],
    queryFn: ({ signal }) => ask('post', '/api/preflight/ports', { body: { ports }, signal }),
    enabled: fresh && ports.length > 0,
    staleTime: 15_000,
    retry: false,
  });
  if (rows.length === 0) return <>None: other services reach it inside Docker.</>;
  const taken = new Map(list(data?.conflicts).filter(({ in_use }) => in_use).map((conflict) => [conflict.port, conflict]));
  return (
    <ul className="plain-list">
      {rows.map(({ service, where, port, protocol, reach }, i) => {
        const holder = port === undefined ? undefined : taken.get(port);
        return (
          <li key={i} className={classes.portRow}>
            <code className="name">
              {where}
              {protocol === 'tcp' ? '' : `/${protocol}`}
            </code>
            {reach === 'machine' ? (
              <span className={classes.dim}>
                <Lock size={13} aria-hidden="true" /> this machine only
              </span>
            ) : (
              <span className={classes.warn}>
                <Globe size={13} aria-hidden="true" /> open to your network
              </span>
            )}
            <span className={`${classes.dim} name`}>{service}</span>
            {holder !== undefined && (
              <strong className={`${classes.bad} name`}>
                taken by{' '}
                {holder.extension ? <Link to={`/extensions/${encodeURIComponent(holder.extension)}`}>{holder.service}</Link> : holder.service}
              </strong>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** PolicyChanges is what this machine's policies make of an extension. It is closed: mostly, nobody needs to look. */
export function PolicyChanges({ plan }: { plan: Plan }) {
  const changes = changesOf(plan);
  const said = saidOf(plan);
  if (changes.length === 0 && said.length === 0) {
    return <p className={classes.dim}>{list(plan.decisions).length > 0 ? "This machine's policies leave it as it is." : 'This machine has no policies that concern it.'}</p>;
  }
  return (
    <details className={classes.policies}>
      <summary>
        {[changes.length > 0 && count(changes.length, 'change'), said.length > 0 && count(said.length, 'remark')].filter(Boolean).join(' and ')} by this machine&apos;s policies
      </summary>
      <ul className="plain-list">
        {said.map(({ plugin, outcome, text }, i) => (
          <li key={`said${i}`} className="name">
            <strong>{plugin}</strong> {outcome}
            {text !== '' && <>: {text}</>}
          </li>
        ))}
        {changes.map(({ plugin, service, what, before, after }, i) => (
          <li key={i} className="name">
            <strong>{plugin}</strong> {before === '' ? 'adds' : after === '' ? 'takes away' : 'changes'} {what}
            {service !== '' && ` of ${service}`}
            {before !== '' && (
              <>
                {' '}
                <del>{before}</del>
              </>
            )}
            {after !== '' && (
              <>
                {' '}
                <ins>{after}</ins>
              </>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}
