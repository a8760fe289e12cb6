import { Button } from '@mantine/core';
import { LogOut } from 'lucide-react';
import { useState } from 'react';

import { useSession } from '../../app/session';
import { whoOf } from '../../operations/words';
import { ErrorNotice } from '../../parts/ErrorNotice';
import { Section } from '../../parts/Section';
import { TimeAgo } from '../../parts/TimeAgo';
import { mayOf } from './scopes';
import classes from './Settings.module.css';

/** SessionFacts is who is signed in, what that may, and until when. */
export function SessionFacts() {
  const { session, signOut } = useSession();
  const [leaving, setLeaving] = useState(false);
  const [error, setError] = useState<unknown>();
  if (session === undefined) return null;

  async function leave() {
    setLeaving(true);
    setError(undefined);
    try {
      await signOut();
    } catch (refusal) {
      setError(refusal);
      setLeaving(false);
    }
  }

  return (
    <Section
      title="Session"
      aside={
        <Button size="xs" variant="default" leftSection={<LogOut size={14} aria-hidden="true" />} loading={leaving} onClick={() => void leave()}>
          Sign out
        </Button>
      }
    >
      {error !== undefined && <ErrorNotice error={error} urgent />}
      <div className="card">
        <dl className={classes.facts}>
          <div>
            <dt>Signed in as</dt>
            <dd className="name">{whoOf(session.who)}</dd>
          </div>
          <div>
            <dt>Ends</dt>
            <dd>{session.expires === undefined ? 'with its key' : <TimeAgo time={session.expires} />}</dd>
          </div>
          <div className={classes.wide}>
            <dt>Scope</dt>
            <dd className="name">
              <strong>{session.scope}</strong>: it may {mayOf(session.scope)}.
            </dd>
          </div>
        </dl>
      </div>
      <p className={classes.note}>This browser keeps a session, not the key. The session also ends after 12 hours without a request, when its key is taken back,
        and when the API is started again, as an update does.</p>
    </Section>
  );
}
