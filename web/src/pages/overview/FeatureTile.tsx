import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';

import { noticeOfFailure } from '../../api/problem';
import { queries } from '../../api/queries';
import { type ExternalLink, type Feature, list, may, type Operation } from '../../api/types';
import { serviceURL } from '../../app/links';
import { useSession } from '../../app/session';
import { OperationProgress } from '../../operations/OperationProgress';
import { useChange, useOperation } from '../../operations/useOperations';
import { CopyLine } from '../../parts/CopyLine';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { extensionPath } from '../../parts/ExtensionLink';
import { sentence } from '../../parts/format';
import { Prose } from '../../parts/Prose';
import { iconOf } from '../../parts/icons';
import { StatusBadge } from '../../parts/StatusBadge';
import { saysAway, waits } from './away';
import { GuideDialog } from './GuideDialog';
import { needsOf, type Step, stepOf } from './next';
import classes from './Overview.module.css';

interface FeatureTileProps {
  feature: Feature;
  running: readonly Operation[];
  /** The page of the extension that has the feature. */
  link: ExternalLink | undefined;
}

/** FeatureTile is a feature: whether it is on, what it lacks, and the way to it. */
export function FeatureTile({ feature, running, link }: FeatureTileProps) {
  const Icon = iconOf(feature.icon);
  const [begun, setBegun] = useState<string>();
  const { data: followed } = useOperation(begun);
  const { data: status } = useQuery(queries.status());
  const { data: services } = useQuery(queries.services());
  const away = saysAway(feature.reason, status?.agent);
  const step: Step = waits(feature, status?.agent) || away ? { kind: 'none' } : stepOf(feature, new Set(list(services).map(({ id }) => id)));
  const target = step.kind === 'change' ? step.id : feature.extension;
  const going = running.find(({ extension }) => extension === target);
  const failure = going === undefined && !feature.enabled && followed?.error !== undefined ? noticeOfFailure(followed.error) : undefined;
  const needs = needsOf(feature);
  return (
    <article className={`card ${classes.tile}`} data-on={feature.enabled || undefined}>
      <div className={classes.tileHead}>
        <Icon size={20} aria-hidden="true" className={classes.tileIcon} />
        <h3 className="name">{feature.name}</h3>
        <StatusBadge status={feature.status} {...(feature.status === 'enabled' ? { label: 'On' } : {})} />
      </div>
      <p className={`${classes.description} name`}>{feature.description}</p>
      {failure !== undefined ? (
        <p className={`${classes.reason} ${classes.failed} name`} role="alert">
          It failed: <Prose text={failure.detail} />
        </p>
      ) : (
        !feature.enabled && feature.reason !== '' && (
          <p className={`${classes.reason} name`}>
            <Prose text={away ? 'Not known while the host agent is away.' : sentence(feature.reason)} />
          </p>
        )
      )}
      {!feature.enabled && needs.length > 0 && <p className={classes.dim}>{needs.join(' · ')}</p>}
      <div className={classes.tileFoot}>
        {going !== undefined ? (
          <div className={classes.grow}>
            <OperationProgress operation={going} />
            <Link to={`/operations/${going.id}`}>Details</Link>
          </div>
        ) : (
          <>
            <Way feature={feature} step={step} link={link} onBegun={({ id }) => setBegun(id)} />
            {failure !== undefined && (
              <Button component={Link} to={`/operations/${begun}`} size="xs" variant="default">
                What failed
              </Button>
            )}
          </>
        )}
      </div>
    </article>
  );
}

interface WayProps {
  feature: Feature;
  step: Step;
  link: ExternalLink | undefined;
  onBegun: (operation: Operation) => void;
}

function Way({ feature, step, link, onBegun }: WayProps) {
  const { session } = useSession();
  const change = useChange({ onBegun });
  const [dialog, setDialog] = useState<'guide'>();
  const close = () => setDialog(undefined);
  const guide = (
    <>
      <Button size="xs" variant="default" onClick={() => setDialog('guide')}>
        {feature.enabled ? 'How to use it' : 'How to get it'}
      </Button>
      <GuideDialog feature={feature} opened={dialog === 'guide'} onClose={close} />
    </>
  );
  if (feature.enabled) {
    return (
      <>
        {link !== undefined && link.id !== 'dashboard' && (
          <Button component="a" href={serviceURL(link.port, link.ui_path, window.location)} target="_blank" rel="noopener noreferrer" size="xs">
            Open {link.label === feature.name ? '' : link.label}
          </Button>
        )}
        {guide}
      </>
    );
  }
  const doable = step.kind === 'change' && may(session, step.action === 'install' ? 'admin' : 'operate');
  const page = step.kind === 'look' ? extensionPath(step.id) : undefined;
  return (
    <>
      {step.kind === 'change' && doable && step.action === 'install' && (
        <Button component={Link} to={`/extensions/${encodeURIComponent(step.id)}/install`} size="xs">
          {feature.next.text}
        </Button>
      )}
      {step.kind === 'change' && doable && step.action !== 'install' && (
        <Button size="xs" loading={change.isPending} onClick={() => change.begin({ action: step.action, id: step.id })}>
          {feature.next.text}
        </Button>
      )}
      {page !== undefined && (
        <Button component={Link} to={page} size="xs" variant="default">
          {feature.next.text}
        </Button>
      )}
      {step.kind === 'command' && <CopyLine text={step.command} />}
      {guide}
      {change.error !== null && <ErrorNotice error={change.error} urgent />}
    </>
  );
}
