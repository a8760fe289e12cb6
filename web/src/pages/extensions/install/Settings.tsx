import { Button } from '@mantine/core';
import { useEffect, useRef } from 'react';

import { count } from '../../../parts/format';
import { Section } from '../../../parts/Section';
import { type Draft, edited, type Variable } from '../configForm';
import classes from '../Detail.module.css';
import { VariableField } from '../VariableField';
import { mayInvent, parted, randomSecret } from './ready';

interface SettingsProps {
  variables: readonly Variable[];
  draft: Draft;
  disabled: boolean;
  /** It was tried to go on: what is empty and must not be says so. */
  tried: boolean;
  said: ReadonlyMap<string, string> | undefined;
  /** The variable that somebody has to look at: it is not behind what is closed. */
  open?: string | undefined;
  onDraft: (draft: Draft) => void;
}

/** Settings is the variables of an extension: first those without which it cannot start, then, closed, the rest. */
export function Settings({ variables, draft, disabled, tried, said, open, onDraft }: SettingsProps) {
  const { needed, optional } = parted(variables);
  const more = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    if (open !== undefined) more.current?.querySelector(`[name="${CSS.escape(`variable-${open}`)}"]`)?.closest('details')?.setAttribute('open', '');
  }, [open]);
  if (needed.length + optional.length === 0) return null;
  const field = (variable: Variable, must: boolean) => {
    const edit = draft[variable.key];
    const empty = must && tried && (edit?.to !== 'value' || edit.value === '');
    return (
      <div key={variable.key} className={classes.field}>
        <VariableField
          variable={variable}
          edit={edit}
          onEdit={(next) => onDraft(edited(draft, variable, next))}
          refused={said?.get(variable.key) ?? (empty ? 'It cannot start without this.' : undefined)}
          disabled={disabled}
          fresh
        />
        {mayInvent(variable) && !disabled && (
          <div className={classes.fieldActions}>
            <Button size="compact-xs" variant="default" onClick={() => onDraft(edited(draft, variable, { to: 'value', value: randomSecret() }))}>
              Make one up<span className="visually-hidden"> for {variable.key}</span>
            </Button>
          </div>
        )}
      </div>
    );
  };
  return (
    <Section title={needed.length > 0 ? 'What it needs to know' : 'Settings'}>
      <div className={classes.form}>
        {needed.map((variable) => field(variable, true))}
        {optional.length > 0 && (
          <details ref={more} className={classes.more}>
            <summary>{needed.length > 0 ? count(optional.length, 'more setting') : count(optional.length, 'setting')} that can stay as {optional.length === 1 ? 'it is' : 'they are'}</summary>
            <div className={classes.form}>{optional.map((variable) => field(variable, false))}</div>
          </details>
        )}
      </div>
    </Section>
  );
}
