import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { CloudOff, RefreshCw, Unplug } from 'lucide-react';
import type { ReactNode } from 'react';

import { Problem, Unreachable } from '../api/problem';
import { queries } from '../api/queries';
import { useConnection } from '../live/LiveProvider';
import { Prose } from '../parts/Prose';
import classes from './Banners.module.css';
import { compareVersions } from './version';

/** Banners say which part of Dream Server is gone and what still works, above every page. */
export function Banners() {
  const connection = useConnection();
  const { data: status, error } = useQuery(queries.status());
  const agent = status?.agent;
  const order = status === undefined ? 0 : compareVersions(status.version, __VERSION__);
  return (
    <div role="status" className={classes.banners}>
      {connection === 'offline' && error instanceof Unreachable && error.by === 'between' && (
        <Banner icon={<CloudOff size={18} aria-hidden="true" />} title="Something else answers in place of Dream Server">
          A proxy, or the sign-in of a network, stands between this page and it. What you see is what Dream Server said last. This page goes on by
          itself when it is reached again.
        </Banner>
      )}
      {connection === 'offline' && !(error instanceof Unreachable && error.by === 'between') && (
        <Banner icon={<CloudOff size={18} aria-hidden="true" />} title="Dream Server does not answer">
          What you see is what it said last. Extensions that run are not affected. This page goes on by itself when it is back.
        </Banner>
      )}
      {connection !== 'offline' && agent?.available === false && (
        <Banner icon={<Unplug size={18} aria-hidden="true" />} title="The host agent is away">
          What runs goes on, and everything can be looked at. What you switch on or off now takes effect when it is back; installing, logs
          and figures of the machine wait for it.
          {agent.reason !== undefined && (
            <span className={classes.reason}>
              Why: <Prose text={agent.reason} />
            </span>
          )}
        </Banner>
      )}
      {error instanceof Problem && error.code === 'misfit' && (
        <Banner icon={<RefreshCw size={18} aria-hidden="true" />} title="Dream Server and this page do not fit together">
          What it tells of itself has not the form that this page knows: it is older or newer than {__VERSION__}, for which the page was made.
          Load the page again; if this stays, bring Dream Server up to date.
          <Reload />
        </Banner>
      )}
      {order !== 0 && status !== undefined && (
        <Banner icon={<RefreshCw size={18} aria-hidden="true" />} title={order > 0 ? 'Dream Server was updated' : 'Dream Server is older than this page'}>
          It is version {status.version}, and this page was made for {__VERSION__}. Something may not work until the page is loaded again.
          <Reload />
        </Banner>
      )}
    </div>
  );
}

function Reload() {
  return (
    <Button size="compact-sm" variant="default" ml="sm" onClick={() => location.reload()}>
      Reload
    </Button>
  );
}

function Banner({ icon, title, children }: { icon: ReactNode; title: string; children: ReactNode }) {
  return (
    <div className={classes.banner}>
      {icon}
      <div>
        <strong>{title}.</strong> <span className="name">{children}</span>
      </div>
    </div>
  );
}
