import { Button, Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Download, ExternalLink, Play, Power, PowerOff, RotateCw, Square, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'react-router';

import { noticeOf } from '../../../api/problem';
import { queries } from '../../../api/queries';
import { type Entry, list, may, type Operation } from '../../../api/types';
import { useSession } from '../../../app/session';
import { CancelButton } from '../../../operations/CancelButton';
import { noticeOfOperation, remediesOf } from '../../../operations/failure';
import { OperationProgress } from '../../../operations/OperationProgress';
import { useChange, useOperation } from '../../../operations/useOperations';
import { doing } from '../../../operations/words';
import { ConfirmDialog } from '../../../parts/ConfirmDialog';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { words } from '../../../parts/format';
import { Prose } from '../../../parts/Prose';
import { StatusBadge } from '../../../parts/StatusBadge';
import { DisableDialog } from '../DisableDialog';
import { Dependents } from '../Dependents';
import { losers, toEnable } from '../depends';
import classes from '../Detail.module.css';
import { openLinkOf } from '../openLink';
import { Rating, Tile } from '../parts';
import { standingOf } from '../state';
import { useAgent, useEntries, useLinks, useOngoing } from '../useExtension';

const sources: Record<string, string> = { core: 'Built in', user: 'Installed', library: 'In the library' };

/** Head says what an extension is and how it stands, and has what can be done with it. */
export function Head({ extension }: { extension: Entry }) {
  const ongoing = useOngoing(extension.id);
  const standing = standingOf(extension, ongoing?.state === 'running' ? ongoing : undefined);
  return (
    <header>
      <div className={classes.head}>
        <Tile entry={extension} large />
        <div className={classes.headWords}>
          <h1 className="name" dir="auto">
            {extension.name || extension.id}
          </h1>
          <p className={classes.meta}>
            <StatusBadge status={standing.status} {...(standing.label === undefined ? {} : { label: standing.label })} />
            <Rating rating={extension.rating} />
            <span>{sources[extension.source] ?? words(extension.source)}</span>
            <code className="name">{extension.id}</code>
          </p>
        </div>
      </div>
      <Actions extension={extension} ongoing={ongoing} />
      <div className={classes.stack} role="status">
        {ongoing !== undefined && (
          <div className="card">
            <div className={classes.needRow}>
              <strong className="name">{doing(ongoing)}</strong>
              <span className={classes.fieldActions}>
                <Button component={Link} to={`/operations/${ongoing.id}`} size="xs" variant="default">
                  Stages
                </Button>
                <CancelButton operation={ongoing} />
              </span>
            </div>
            <OperationProgress operation={ongoing} />
          </div>
        )}
      </div>
      {ongoing === undefined && <Lacks extension={extension} />}
      {ongoing === undefined && <LastFailure extension={extension} why={standing.why} />}
      {standing.note !== undefined && (
        <p className={`${classes.small} name`}>
          Whether it works, nobody can tell: <Prose text={standing.note} />.
        </p>
      )}
    </header>
  );
}

/** Lacks says that what an extension needs is not on, where it is itself. */
function Lacks({ extension }: { extension: Entry }) {
  const { session } = useSession();
  const lacks = toEnable(extension.id, useEntries());
  const first = lacks[0];
  if (extension.status !== 'enabled' || first === undefined) return null;
  const { id, entry } = first;
  const name = entry?.name || id;
  const enables = entry?.status === 'disabled';
  const can = entry !== undefined && (enables ? may(session, 'operate') : entry.installable && may(session, 'admin'));
  return (
    <div className={`${classes.stack} ${classes.changed}`}>
      <div className={classes.needRow}>
        <span className="name">
          <strong>
            It needs {name}, which is {entry === undefined ? 'neither installed nor in the library' : enables ? 'disabled' : 'not installed'}.
          </strong>{' '}
          What it does with it fails.{lacks.length > 1 && ` ${lacks.length - 1} more of what it needs is not on, either.`}
        </span>
        {can && (
          <Button component={Link} to={`/extensions/${encodeURIComponent(id)}/install`} size="xs">
            <span className="name-line">
              {enables ? 'Enable' : 'Install'} {name}
            </span>
          </Button>
        )}
      </div>
    </div>
  );
}

/** LastFailure is why the last change failed, with the end of its log; else what is wrong now. */
function LastFailure({ extension, why }: { extension: Entry; why: string }) {
  const { data } = useQuery(queries.operations({ extension: extension.id, limit: 20 }));
  const last = list(data?.operations).find(({ parent }) => parent === undefined);
  const agent = useAgent();
  const { data: whole } = useOperation(last?.state === 'failed' ? last.id : undefined);
  const failed = whole ?? last;
  // Who runs well meanwhile is not told of yesterday.
  const stale = extension.runtime.health === 'healthy' && failed?.kind !== 'uninstall' && failed?.kind !== 'disable';
  if (failed?.state === 'failed' && failed.error !== undefined && !stale) {
    const { policies, log, settings } = remediesOf(failed, failed.error.code);
    return (
      <div className={classes.stack}>
        <ErrorNotice error={undefined} notice={noticeOfOperation(failed, failed.error)}>
          {policies ? (
            <Button component={Link} to="/security" size="xs">
              See the policies
            </Button>
          ) : (
            <Again extension={extension} kind={failed.kind} />
          )}
          {settings && extension.status === 'enabled' && (
            <Button component={Link} to="?tab=configuration" size="xs" variant="default">
              Change its settings
            </Button>
          )}
          {log && agent && extension.status !== 'not_installed' && (
            <Button component={Link} to="?tab=logs" size="xs" variant="default">
              See the log
            </Button>
          )}
          <Button component={Link} to={`/operations/${failed.id}`} size="xs" variant="default">
            Stages
          </Button>
        </ErrorNotice>
      </div>
    );
  }
  // While the agent is away, the banner above says why nobody knows.
  if (why === '' || (extension.runtime.state === 'unknown' && why === extension.runtime.reason)) return null;
  return (
    <div className={classes.stack}>
      <p className={`card name`} style={{ margin: 0 }}>
        <strong>Why: </strong>
        <Prose text={why} />
      </p>
    </div>
  );
}

function Again({ extension, kind }: { extension: Entry; kind: Operation['kind'] }) {
  const { session } = useSession();
  const change = useChange();
  const path = `/extensions/${encodeURIComponent(extension.id)}/install`;
  if ((kind === 'install' && extension.status === 'not_installed') || (kind === 'enable' && extension.status === 'disabled')) {
    if (!may(session, kind === 'install' ? 'admin' : 'operate')) return null;
    return (
      <Button component={Link} to={path} size="xs">
        Try again
      </Button>
    );
  }
  if (extension.status !== 'enabled' || !may(session, 'operate')) return null;
  return (
    <>
      <Button size="xs" loading={change.isPending} onClick={() => change.begin({ action: 'start', id: extension.id })}>
        Start it again
      </Button>
      {change.error !== null && <p className="name">{noticeOf(change.error).detail}</p>}
    </>
  );
}

function Actions({ extension, ongoing }: { extension: Entry; ongoing: Operation | undefined }) {
  const { session } = useSession();
  const entries = useEntries();
  const link = openLinkOf(extension, useLinks(), window.location);
  const change = useChange();
  const [dialog, setDialog] = useState<'disable' | 'uninstall'>();
  const { id, status, runtime, can_toggle: toggles } = extension;
  const busy = ongoing?.state === 'running' || change.isPending;
  const operates = may(session, 'operate');
  const admin = may(session, 'admin');
  const agent = useAgent();
  const away = agent ? undefined : 'Takes the host agent, which is away';
  const unknown = runtime.state === 'unknown';
  const up = unknown || ['running', 'partial', 'starting'].includes(runtime.state);
  const page = `/extensions/${encodeURIComponent(id)}/install`;
  const needs = status === 'disabled' ? toEnable(id, entries) : [];
  const why = (scope: string, allowed: boolean) => (allowed ? undefined : `Takes a key of the scope ${scope}`);
  return (
    <>
      <div className={classes.actions}>
        {link !== undefined && link.blocked === '' && (
          <Button component="a" href={link.href} target="_blank" rel="noopener noreferrer" rightSection={<ExternalLink size={15} aria-hidden="true" />}>
            Open
            <span className="visually-hidden"> {extension.name} in a new tab</span>
          </Button>
        )}
        {status === 'not_installed' &&
          extension.installable &&
          (admin ? (
            <Button component={Link} to={page} leftSection={<Download size={16} aria-hidden="true" />}>
              Install
            </Button>
          ) : (
            <Button disabled title={why('admin', admin)} leftSection={<Download size={16} aria-hidden="true" />}>
              Install
            </Button>
          ))}
        {status === 'disabled' &&
          toggles &&
          (operates ? (
            <Button component={Link} to={page} leftSection={<Power size={16} aria-hidden="true" />}>
              {needs.length > 0 ? 'Enable with what it needs' : 'Enable'}
            </Button>
          ) : (
            <Button disabled title={why('operate', operates)}>
              Enable
            </Button>
          ))}
        {status === 'enabled' && toggles && (
          <>
            {up && (
              <>
                <Plain icon={<RotateCw size={15} aria-hidden="true" />} disabled={busy || !operates || !agent} title={why('operate', operates) ?? away} onClick={() => change.begin({ action: 'restart', id })}>
                  Restart
                </Plain>
                <Plain icon={<Square size={15} aria-hidden="true" />} disabled={(busy && ongoing?.kind === 'stop') || !operates || !agent} title={why('operate', operates) ?? away} onClick={() => change.begin({ action: 'stop', id })}>
                  Stop
                </Plain>
              </>
            )}
            {(!up || unknown) && (
              <Plain icon={<Play size={15} aria-hidden="true" />} disabled={busy || !operates || !agent} title={why('operate', operates) ?? away} onClick={() => change.begin({ action: 'start', id })}>
                Start
              </Plain>
            )}
            <Plain icon={<PowerOff size={15} aria-hidden="true" />} disabled={busy || !operates} title={why('operate', operates)} onClick={() => setDialog('disable')}>
              Disable
            </Plain>
          </>
        )}
        {extension.source === 'user' && status !== 'enabled' && (
          <Plain icon={<Trash2 size={15} aria-hidden="true" />} disabled={busy || !admin} title={why('admin', admin)} onClick={() => setDialog('uninstall')}>
            Uninstall
          </Plain>
        )}
      </div>
      {!admin && <p className={classes.dim}>You are signed in with a key of the scope {session?.scope}: what takes more is grey.</p>}
      {link?.blocked && <p className={classes.dim}>{link.blocked} Open the dashboard there to use it.</p>}
      {change.error !== null && (
        <div className={classes.stack}>
          <ErrorNotice error={change.error} urgent />
        </div>
      )}
      <DisableDialog entry={extension} all={entries} opened={dialog === 'disable'} onClose={() => setDialog(undefined)} />
      <UninstallDialog extension={extension} all={entries} opened={dialog === 'uninstall'} onClose={() => setDialog(undefined)} />
    </>
  );
}

function Plain({ icon, disabled, title, onClick, children }: { icon: React.ReactNode; disabled: boolean; title: string | undefined; onClick: () => void; children: string }) {
  return (
    <Button variant="default" leftSection={icon} disabled={disabled} title={title} onClick={onClick}>
      {children}
    </Button>
  );
}

/** UninstallDialog says what goes and what stays. */
function UninstallDialog({ extension, all, opened, onClose }: { extension: Entry; all: readonly Entry[]; opened: boolean; onClose: () => void }) {
  const [forget, setForget] = useState(false);
  const change = useChange({ onBegun: onClose });
  const variables = list(extension.env_vars).length > 0;
  return (
    <ConfirmDialog
      opened={opened}
      title={`Uninstall ${extension.name || extension.id}?`}
      confirm="Uninstall"
      danger
      busy={change.isPending}
      onConfirm={() => change.begin({ action: 'uninstall', id: extension.id, forgetConfig: forget })}
      onCancel={onClose}
    >
      <p style={{ marginTop: 0 }}>Its containers and its files in the installation are removed. It can be installed again from the library.</p>
      <Dependents lost={losers(extension.id, all)} then="what they do with it fails until it is back." />
      <p>
        What it has stored stays in <code className="name">data/{extension.id}</code> and in its volumes, and so do its images.
        {variables && ' Its configuration stays, too, so that it is as before when it comes back.'}
      </p>
      {variables && (
        <Checkbox
          checked={forget}
          onChange={(event) => setForget(event.currentTarget.checked)}
          label="Forget its configuration, secrets included"
          description="A password that its stored data was made with is gone then. What another extension reads stays."
        />
      )}
      {change.error !== null && <ErrorNotice error={change.error} urgent />}
    </ConfirmDialog>
  );
}
