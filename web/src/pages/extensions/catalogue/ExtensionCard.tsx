import { Button, Switch } from '@mantine/core';
import { ExternalLink } from 'lucide-react';
import { memo, useState } from 'react';
import { Link } from 'react-router';

import { noticeOf, noticeOfFailure } from '../../../api/problem';
import { type Entry, list, type Operation } from '../../../api/types';
import { OperationProgress } from '../../../operations/OperationProgress';
import { useChange, useOperation } from '../../../operations/useOperations';
import { words } from '../../../parts/format';
import { StatusBadge } from '../../../parts/StatusBadge';
import { fitOf, type Machine, vramText } from '../fit';
import { GrantBadges, Rating, Tile } from '../parts';
import { isOn, standingOf } from '../state';
import classes from './Catalogue.module.css';


export interface CardProps {
  entry: Entry;
  /** The change that is being made of it. */
  operation: Operation | undefined;
  /** Where it opens, where it runs and can be reached. */
  href: string | undefined;
  machine: Machine;
  mayOperate: boolean;
  mayInstall: boolean;
  /** Asked before it is switched off, because others need it. Returns whether that was taken over. */
  onDisable: (entry: Entry) => boolean;
}

/** ExtensionCard is one extension in the catalogue: what it is, how it stands, and what can be done with one click. */
export const ExtensionCard = memo(function ExtensionCard({ entry, operation, href, machine, mayOperate, mayInstall, onDisable }: CardProps) {
  // What was clicked shows at once, and until the catalogue has it; a refusal or a failure puts it right.
  const [clicked, setClicked] = useState<'enable' | 'disable'>();
  const change = useChange();
  const { data: followed } = useOperation(change.data?.id);
  const failure = followed?.state === 'failed' ? followed.error : undefined;
  const reached = entry.status === (clicked === 'enable' ? 'enabled' : 'disabled');
  if (clicked !== undefined && (reached || change.error !== null || followed?.state === 'failed' || followed?.state === 'cancelled')) setClicked(undefined);
  const begun = operation?.kind ?? clicked;
  const standing = standingOf(entry, operation ?? (clicked && { kind: clicked, state: 'running' }));
  const fit = fitOf(entry, machine);
  const vram = vramText(entry, machine.backend);
  const path = `/extensions/${encodeURIComponent(entry.id)}`;
  const name = entry.name || entry.id;
  const refusal = change.error !== null ? noticeOf(change.error) : failure && noticeOfFailure(failure);
  const enabling = change.variables?.action === 'enable';
  const on = isOn(entry, begun);
  const purpose = entry.features?.[0]?.category ? words(entry.features[0].category) : '';

  function toggle(want: 'enable' | 'disable') {
    if (begun !== undefined) return; // not disabled: the keyboard would lose its place
    if (want === 'disable' && onDisable(entry)) return;
    change.reset(); // else what was wrong the last time would put it right at once
    setClicked(want);
    change.begin({ action: want, id: entry.id });
  }

  return (
    <article className={`card ${classes.card}`} aria-label={name}>
      <div className={classes.head}>
        <Tile entry={entry} />
        <div className={classes.title}>
          <h2>
            <Link to={path} state={{ from: 'catalogue' }} className={`${classes.link} name-line`} title={name} dir="auto">
              {name}
            </Link>
          </h2>
          <p className={classes.sub}>
            {standing.status === 'not_installed' ? <span>Not installed</span> : <StatusBadge status={standing.status} {...(standing.label === undefined ? {} : { label: standing.label })} />}
            {purpose !== '' && <span className="name-line">{purpose}</span>}
          </p>
        </div>
        {entry.can_toggle && (
          <Switch
            className={classes.above ?? ''}
            checked={on}
            disabled={!mayOperate}
            onChange={() => toggle(on ? 'disable' : 'enable')}
            aria-label={`${name} is ${on ? 'on' : 'off'}`}
            withThumbIndicator={false}
          />
        )}
      </div>
      <p className={`${classes.description} name`} dir="auto" title={standing.why || undefined}>
        {standing.why || entry.description || 'It says nothing about itself.'}
      </p>
      {operation !== undefined && <OperationProgress operation={operation} />}
      {refusal !== undefined && (
        <div role="alert" className={classes.refusal}>
          <strong>{refusal.title}.</strong> <span className="name">{refusal.detail.slice(0, 240)}</span>{' '}
          <Link to={enabling ? `${path}/install` : path} className={classes.above}>
            {enabling ? 'See what it needs' : 'See more'}
          </Link>
        </div>
      )}
      <div className={classes.foot}>
        <div className={classes.badges}>
          <Rating rating={entry.rating} />
          {vram !== '' && (
            <span className={classes.badge} data-warn={fit.fits === false || undefined} title={fit.why || 'Memory of the GPU that its features want'}>
              {vram}
            </span>
          )}
          <GrantBadges grants={list(entry.grants)} />
          {entry.source === 'core' && !entry.can_toggle && <span className={classes.badge}>Part of Dream Server</span>}
        </div>
        <Primary entry={entry} href={href} path={path} name={name} mayInstall={mayInstall} busy={begun !== undefined} />
      </div>
    </article>
  );
});

function Primary({ entry, href, path, name, mayInstall, busy }: { entry: Entry; href: string | undefined; path: string; name: string; mayInstall: boolean; busy: boolean }) {
  if (busy) {
    return (
      <Button component={Link} to={path} size="xs" variant="default" className={classes.above ?? ''} aria-label={`See how it goes: ${name}`}>
        See
      </Button>
    );
  }
  if (entry.status === 'not_installed' && entry.installable) {
    return mayInstall ? (
      <Button component={Link} to={`${path}/install`} size="xs" className={classes.above ?? ''} aria-label={`Install ${name}`}>
        Install
      </Button>
    ) : (
      <Button size="xs" variant="default" disabled className={classes.above ?? ''} title="Takes a key of the scope admin" aria-label={`Install ${name}: takes a key of the scope admin`}>
        Install
      </Button>
    );
  }
  if (href !== undefined) {
    return (
      <Button
        component="a"
        href={href}
        target="_blank"
        rel="noopener noreferrer"
        size="xs"
        variant="default"
        className={classes.above ?? ''}
        rightSection={<ExternalLink size={13} aria-hidden="true" />}
        aria-label={`Open ${name} in a new tab`}
      >
        Open
      </Button>
    );
  }
  return null;
}
