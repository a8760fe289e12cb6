import { Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { Link } from 'react-router';

import { ask } from '../../../api/client';
import { noticeOf, Problem } from '../../../api/problem';
import { queries } from '../../../api/queries';
import { type Entry, list, may, type Operation } from '../../../api/types';
import { useSession } from '../../../app/session';
import { useChange } from '../../../operations/useOperations';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { count } from '../../../parts/format';
import { Loading } from '../../../parts/Loading';
import { Section } from '../../../parts/Section';
import { type Draft, saidOf, type Variable } from '../configForm';
import { toEnable } from '../depends';
import classes from '../Detail.module.css';
import { PlanFacts, PolicyChanges } from '../PlanSummary';
import { differences } from '../planView';
import { useEntries } from '../useExtension';
import { type Grant, type Plan, usePlan } from '../usePlan';
import { Grants } from './Grants';
import { Needs } from './Needs';
import { askedOf, isAsked, keyIn, missingOf, valuesOf } from './ready';
import { Settings } from './Settings';

const verbs: Record<string, string> = { install: 'Install', enable: 'Enable', start: 'Start' };

interface AskingProps {
  extension: Entry;
  onBegun: (operation: Operation) => void;
}

/** Asking shows what it comes to when an extension is turned on, and asks for what that takes. */
export function Asking({ extension, onBegun }: AskingProps) {
  const config = useQuery(queries.config(extension.id));
  if (config.data !== undefined) return <Form extension={extension} variables={list(config.data.variables)} onBegun={onBegun} />;
  return config.error === null ? <Loading lines={4} height={84} /> : <ErrorNotice error={config.error} onRetry={() => void config.refetch()} />;
}

function Form({ extension, variables, onBegun }: AskingProps & { variables: readonly Variable[] }) {
  const { id, status } = extension;
  const { session } = useSession();
  const admin = may(session, 'admin');
  const [accepted, setAccepted] = useState<readonly Grant[]>([]);
  const [draft, setDraft] = useState<Draft>({});
  const [tried, setTried] = useState(false);
  const [wish, setWish] = useState(false); // it was wanted while the plan was on its way
  const [at, setAt] = useState<string>(); // what was typed by then
  const [before, setBefore] = useState<Plan>(); // what was on the screen when it was wanted
  const form = useRef<HTMLFormElement>(null);

  const values = admin ? valuesOf(draft, variables) : {};
  const typed = JSON.stringify(values);
  const [paused] = useDebouncedValue(typed, 400);
  const settled = at === typed ? typed : paused; // who has clicked has typed all
  const plan = usePlan(id, { grants: accepted, values: JSON.parse(settled) as Record<string, string> });
  const planned = plan.data;
  const stale = plan.isPlaceholderData || settled !== typed;
  const left = stale && plan.error === null;
  const installs = status === 'not_installed' || status === 'incompatible';
  const needs = toEnable(id, useEntries());

  const change = useChange({ onBegun });
  const save = useMutation({ mutationFn: () => ask('put', '/api/extensions/{id}/config', { path: { id }, body: { values } }) });
  const refusal = change.error ?? save.error;
  const changed = refusal instanceof Problem && refusal.code === 'plan_changed';
  const said = refusal instanceof Problem ? saidOf(refusal.items, variables) : undefined;

  const asked = askedOf(extension, planned, accepted);
  const refused = asked.filter((grant) => !accepted.includes(grant));
  const missing = missingOf(draft, variables);
  const blocked = installs && needs.length > 0;
  const busy = change.isPending || save.isPending || (wish && left);
  const wrong = planned !== undefined && planned.verdict !== 'allow' && !isAsked(planned.code) && !stale;

  // What it is now is asked for at once.
  const { refetch } = plan;
  useEffect(() => {
    if (changed) void refetch();
  }, [changed, refusal, refetch]);

  const taken = wrong ? keyIn(planned.code, [planned.text ?? '', ...list(planned.errors).map(({ fix }) => fix ?? '')], variables) : undefined;
  const sayings = new Map([...(said?.byKey ?? []), ...(taken === undefined ? [] : [[taken, 'Another program has it. Choose another.'] as const])]);

  function see(name: string) {
    const field = form.current?.querySelector<HTMLElement>(`[name="${CSS.escape(name)}"]`);
    field?.closest('details')?.setAttribute('open', '');
    field?.focus();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (busy || planned === undefined || blocked || wrong) return;
    if (!left) {
      goOn(planned);
      return;
    }
    setAt(typed);
    setWish(true);
  }

  function goOn(planned: Plan) {
    if (missing.length > 0 || refused.length > 0) {
      setTried(true);
      see(refused[0] === undefined ? `variable-${missing[0]}` : `grant-${refused[0]}`);
      return;
    }
    setBefore(planned);
    void begin(planned);
  }

  // What was clicked while the plan was on its way is done when it is there, unless something stands in the way now.
  const answer = useRef(() => undefined as void);
  useEffect(() => {
    answer.current = () => {
      if (planned === undefined || plan.error !== null) return;
      if (!wrong) goOn(planned);
      else if (taken === undefined) form.current?.scrollIntoView({ block: 'start' });
      else see(`variable-${taken}`);
    };
  });
  useEffect(() => {
    if (!wish || left) return;
    setWish(false);
    answer.current();
  }, [wish, left]);

  async function begin({ operation, plan_hash: planHash }: Plan) {
    if (installs) {
      change.begin({ action: 'install', id, values, grants: [...accepted], planHash });
      return;
    }
    try {
      if (Object.keys(values).length > 0) await save.mutateAsync();
    } catch {
      return; // it is in save.error
    }
    if (operation === 'start') change.begin({ action: 'start', id });
    else if (needs.length > 0) change.begin({ action: 'enable', id, withDependencies: true });
    else change.begin({ action: 'enable', id, planHash });
  }

  if (planned === undefined) {
    if (plan.error === null) return <Loading lines={4} height={84} />;
    return (
      <ErrorNotice error={plan.error} onRetry={() => void refetch()}>
        <Button component={Link} to={`/extensions/${encodeURIComponent(id)}`} size="xs" variant="default">
          Back to {extension.name || id}
        </Button>
      </ErrorNotice>
    );
  }
  const verb = verbs[planned.operation] ?? 'Continue';
  return (
    <form ref={form} onSubmit={submit} noValidate className={classes.ask}>
      {wrong && (
        <div className={classes.stack}>
          <ErrorNotice error={undefined} notice={noticeOfPlan(planned, taken)} onRetry={() => void refetch()} urgent={tried}>
            {taken !== undefined && (
              <Button size="xs" onClick={() => see(`variable-${taken}`)}>
                Change {taken}
              </Button>
            )}
            {planned.code?.startsWith('policy_') && (
              <Button component={Link} to="/security" size="xs" variant="default">
                See the policies
              </Button>
            )}
          </ErrorNotice>
        </div>
      )}
      {needs.length > 0 && <Needs needs={needs} installs={installs} id={id} />}
      <Grants extension={extension} plan={planned} asked={asked} accepted={accepted} tried={tried} onAccept={(grants) => {
        setWish(false);
        setAccepted(grants);
      }} />
      <Settings variables={variables} draft={draft} disabled={!admin || busy} tried={tried} said={sayings} open={taken} onDraft={setDraft} />
      <Section title="What happens" aside={stale || plan.isFetching ? 'Looking again…' : undefined}>
        <div className={`card ${classes.list}`}>
          {planned.plan_hash === undefined ? (
            <p style={{ margin: 0 }}>{missing.length > 0 ? 'Its ports and images show here as soon as it knows what it needs to know.' : 'Nothing: see above.'}</p>
          ) : (
            <>
              <PlanFacts plan={planned} />
              <PolicyChanges plan={planned} />
            </>
          )}
        </div>
      </Section>
      {changed && before !== undefined && !plan.isFetching && <Changed before={before} now={planned} why={refusal.message} />}
      {refusal !== null && !changed && <ErrorNotice error={refusal} notice={{ ...noticeOf(refusal), items: said?.rest ?? [] }} urgent />}
      <div className={classes.formFoot}>
        <Button type="submit" loading={busy} disabled={blocked || wrong || (plan.isFetching && changed)}>
          {changed ? `${verb} as it is now` : needs.length > 0 && !installs ? `${verb} with what it needs` : verb}
        </Button>
        <Button component={Link} to={`/extensions/${encodeURIComponent(id)}`} variant="default">
          Not now
        </Button>
        <span role="alert" className={classes.bad}>
          {tried && [missing.length > 0 && `${count(missing.length, 'value')} to look at`, refused.length > 0 && `${count(refused.length, 'thing')} to allow`].filter(Boolean).join(', ')}
        </span>
      </div>
    </form>
  );
}

function noticeOfPlan({ code, verdict, text, errors }: Plan, taken: string | undefined) {
  const title = verdict === 'failed' ? 'This cannot be decided now' : 'This cannot be done as it is';
  const notice = noticeOf(new Problem({ code: code ?? 'refused', title, detail: text ?? '', errors: errors ?? [] }, 409));
  // Its field is in this form.
  return taken === undefined ? notice : { ...notice, detail: notice.detail.replaceAll(`set ${taken} in .env`, `choose another for ${taken} below`) };
}

function Changed({ before, now, why }: { before: Plan; now: Plan; why: string }) {
  return (
    <div className={classes.changed} role="alert">
      <strong>It is not what you saw any more.</strong> <span className="name">{why}</span>
      <ul>
        {differences(before, now).map((line, i) => (
          <li key={i} className="name">
            {line}
          </li>
        ))}
      </ul>
      Nothing was done. Look at it as it is now, and decide again.
    </div>
  );
}
