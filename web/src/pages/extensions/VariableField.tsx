import { Button, NativeSelect, PasswordInput, Switch, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';

import { type Edit, isSecret, shownValue, type Variable, wrongWith } from './configForm';
import classes from './Detail.module.css';

interface VariableFieldProps {
  variable: Variable;
  edit: Edit | undefined;
  onEdit: (edit: Edit | undefined) => void;
  /** What the API said of the value that was sent. */
  refused?: string | undefined;
  disabled?: boolean;
  /** Nothing is set yet: a field is filled in, not changed. */
  fresh?: boolean;
}

/** VariableField is the field for one variable of an extension. Secrets are written, and never shown again. */
export function VariableField({ variable, edit, onEdit, refused, disabled = false, fresh = false }: VariableFieldProps) {
  const { key, type, required, reserved, options } = variable;
  const locked = disabled || reserved === true;
  const error = wrongWith(variable, edit) || refused || (edit === undefined && !fresh ? variable.problem : '') || undefined;
  const common = {
    label: <code className="name">{key}</code>,
    description: <Description variable={variable} />,
    error: error === undefined ? undefined : <span className="name">{error}</span>,
    disabled: locked,
    required: required && !(variable.can_generate || variable.set),
    withAsterisk: required && !variable.can_generate,
    name: `variable-${key}`,
    autoComplete: 'off',
    spellCheck: false,
    inputWrapperOrder: ['label', 'description', 'input', 'error'] as ('label' | 'description' | 'input' | 'error')[],
  };
  const set = (value: string) => onEdit({ to: 'value', value });
  let input: ReactNode;
  if (edit?.to === 'generate') {
    input = <TextInput {...common} value="A new one is made up when you save" readOnly error={undefined} />;
  } else if (isSecret(variable)) {
    const placeholder = edit?.to === 'unset' ? 'Forgotten when you save' : variable.set ? 'Set; type to replace it' : variable.can_generate ? 'Made up at the first start' : 'Not set';
    input = <PasswordInput {...common} autoComplete="new-password" value={edit?.to === 'value' ? edit.value : ''} placeholder={placeholder} onChange={(event) => set(event.currentTarget.value)} visibilityToggleButtonProps={{ 'aria-label': `Show what was typed for ${key}` }} />;
  } else if (type === 'boolean' && /^(true|false|)$/.test(shownValue(variable, edit))) {
    input = <Switch label={common.label} description={common.description} error={common.error} disabled={locked} name={common.name} checked={shownValue(variable, edit) === 'true'} onChange={(event) => set(String(event.currentTarget.checked))} />;
  } else if (type === 'enum' && options && options.length > 0) {
    const value = shownValue(variable, edit);
    const all = options.includes(value) ? options : [value, ...options];
    input = <NativeSelect {...common} data={all.map((option) => ({ value: option, label: option || '–' }))} value={value} onChange={(event) => set(event.currentTarget.value)} />;
  } else {
    input = (
      <TextInput
        {...common}
        dir="auto"
        inputMode={type === 'port' || type === 'integer' ? 'numeric' : type === 'url' ? 'url' : 'text'}
        value={shownValue(variable, edit)}
        placeholder={variable.example ?? variable.sample ?? ''}
        onChange={(event) => set(event.currentTarget.value)}
      />
    );
  }
  return (
    <div className={classes.field}>
      {input}
      {!locked && (
        <div className={classes.fieldActions}>
          {variable.can_generate && !fresh && edit?.to !== 'generate' && (
            <Button size="compact-xs" variant="default" onClick={() => onEdit({ to: 'generate' })}>
              {variable.set ? 'Make up a new one' : 'Make one up'}
              <span className="visually-hidden"> for {key}</span>
            </Button>
          )}
          {variable.set && !fresh && edit?.to !== 'unset' && !(required && !variable.can_generate) && (
            <Button size="compact-xs" variant="default" onClick={() => onEdit({ to: 'unset' })}>
              {isSecret(variable) ? 'Forget it' : variable.default === undefined ? 'Forget it' : `Back to ${variable.default === '' ? 'nothing' : variable.default.slice(0, 40)}`}
              <span className="visually-hidden"> for {key}</span>
            </Button>
          )}
          {edit !== undefined && (
            <Button size="compact-xs" variant="subtle" onClick={() => onEdit(undefined)}>
              Undo<span className="visually-hidden"> the change of {key}</span>
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

function Description({ variable }: { variable: Variable }) {
  const { description, default: standard, example, reserved, set } = variable;
  const parts = [
    description && !/[.!?…]$/.test(description.trim()) ? `${description.trim()}.` : description,
    isSecret(variable) && (set ? 'It is set.' : ''),
    standard !== undefined && standard !== '' && !isSecret(variable) && `Without a value: ${standard}.`,
    example && example !== standard && `Such as ${example}.`,
    reserved && 'It belongs to the platform: only the owner of the machine sets it, in .env.',
  ].filter(Boolean);
  return (
    <span className="name" dir="auto">
      {parts.join(' ')}
    </span>
  );
}
