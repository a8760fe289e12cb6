import { Button, Checkbox } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { SlidersHorizontal } from 'lucide-react';
import { type FormEvent, useState } from 'react';

import { ask } from '../../../api/client';
import { noticeOf, Problem } from '../../../api/problem';
import { queries } from '../../../api/queries';
import { type Entry, list, may, type Schemas } from '../../../api/types';
import { useSession } from '../../../app/session';
import { EmptyState } from '../../../parts/EmptyState';
import { ErrorNotice } from '../../../parts/ErrorNotice';
import { ExtensionLink } from '../../../parts/ExtensionLink';
import { count } from '../../../parts/format';
import { Loading } from '../../../parts/Loading';
import { changeOf, edited, hasChange, saidOf, wrongWith } from '../configForm';
import classes from '../Detail.module.css';
import { VariableField } from '../VariableField';
import { useDraft } from './drafts';

/** Configuration is the variables of an extension as a form. */
export function Configuration({ extension }: { extension: Entry }) {
  const { session } = useSession();
  const operates = may(session, 'operate');
  const { data, error, refetch } = useQuery({ ...queries.config(extension.id), enabled: operates });
  if (!operates) {
    return (
      <EmptyState icon={SlidersHorizontal} title="Its configuration takes another key">
        <p>You are signed in with the scope {session?.scope}. Looking at a configuration takes operate, changing it admin.</p>
      </EmptyState>
    );
  }
  if (data === undefined) return error === null ? <Loading lines={4} /> : <ErrorNotice error={error} onRetry={() => void refetch()} />;
  if (list(data.variables).length === 0) {
    return (
      <EmptyState icon={SlidersHorizontal} title="There is nothing to set">
        <p>It has no variables.</p>
      </EmptyState>
    );
  }
  return <Form extension={extension} config={data} />;
}

function Form({ extension, config }: { extension: Entry; config: Schemas['Config'] }) {
  const { session } = useSession();
  const admin = may(session, 'admin');
  const client = useQueryClient();
  const [draft, setDraft] = useDraft(extension.id);
  const [restart, setRestart] = useState(true);
  const variables = list(config.variables);
  const enabled = extension.status === 'enabled';
  const save = useMutation({
    mutationFn: () => ask('put', '/api/extensions/{id}/config', { path: { id: extension.id }, body: { ...changeOf(draft, variables), restart: enabled && restart } }),
    onSuccess: (result) => {
      const { id, configured, missing, variables: now } = result;
      client.setQueryData(queries.config(id).queryKey, { id, configured, missing, variables: now });
      void client.invalidateQueries({ queryKey: ['plan', extension.id] });
      setDraft({});
    },
  });
  const wrong = variables.filter((variable) => wrongWith(variable, draft[variable.key]) !== '');
  const refusal = save.error instanceof Problem ? saidOf(save.error.items, variables) : undefined;
  const number = Object.keys(draft).length;

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!admin || save.isPending || !hasChange(draft)) return;
    if (wrong[0] !== undefined) {
      document.getElementsByName(`variable-${wrong[0].key}`)[0]?.focus();
      return;
    }
    save.mutate();
  }

  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      {!admin && <p className={classes.dim}>You may look at this; changing it takes a key of the scope admin.</p>}
      {!config.configured && (
        <p className="card" style={{ margin: 0 }}>
          It cannot start before {count(list(config.missing).length, 'value')} {list(config.missing).length === 1 ? 'is' : 'are'} given: <code className="name">{list(config.missing).join(', ')}</code>
        </p>
      )}
      {variables.map((variable) => (
        <VariableField
          key={variable.key}
          variable={variable}
          edit={draft[variable.key]}
          onEdit={(edit) => setDraft(edited(draft, variable, edit))}
          refused={refusal?.byKey.get(variable.key)}
          disabled={!admin || save.isPending}
        />
      ))}
      {save.error !== null && <ErrorNotice error={save.error} notice={{ ...noticeOf(save.error), items: refusal?.rest ?? [] }} urgent />}
      <div role="status">
        {save.data !== undefined && !hasChange(draft) && <Saved result={save.data} />}
      </div>
      {admin && (
        <div className={classes.formFoot}>
          <Button type="submit" loading={save.isPending} disabled={number === 0}>
            {number === 0 ? 'Nothing to save' : `Save ${count(number, 'change')}`}
          </Button>
          {number > 0 && (
            <Button variant="default" onClick={() => setDraft({})} disabled={save.isPending}>
              Undo all
            </Button>
          )}
          {enabled && <Checkbox label="Restart the extensions that read them" checked={restart} onChange={(event) => setRestart(event.currentTarget.checked)} />}
        </div>
      )}
    </form>
  );
}

function Saved({ result }: { result: Schemas['ConfigResult'] }) {
  const waiting = list(result.restart).filter((id) => !list(result.restarted).includes(id));
  return (
    <p className="card" style={{ margin: 0 }}>
      {list(result.changed).length === 0 ? 'It was so already.' : `Saved ${count(list(result.changed).length, 'change')}.`}
      {list(result.restarted).length > 0 && <> Restarted: <Names ids={list(result.restarted)} />.</>}
      {waiting.length > 0 && <> Restart these so that they read it: <Names ids={waiting} />.</>}
    </p>
  );
}

function Names({ ids }: { ids: readonly string[] }) {
  return ids.map((id, i) => (
    <span key={id}>
      {i > 0 && ', '}
      <ExtensionLink id={id} />
    </span>
  ));
}
