// What a person has typed into a form of variables, and what of it is sent.
import type { Item, Schemas } from '../../api/types';

export type Variable = Schemas['Variable'];

/** Edit is what becomes of one variable. What is not in a draft stays as it is. */
export type Edit = { to: 'value'; value: string } | { to: 'unset' } | { to: 'generate' };

/** Draft is the edits by key. */
export type Draft = Readonly<Record<string, Edit>>;

/** isSecret is whether a value is written and never read. */
export function isSecret(variable: Variable): boolean {
  return variable.secret === true || variable.type === 'secret';
}

/** shownValue is what stands in a field. */
export function shownValue(variable: Variable, edit: Edit | undefined): string {
  switch (edit?.to) {
    case 'value':
      return edit.value;
    case 'unset':
      return variable.default ?? '';
    default:
      return variable.value ?? '';
  }
}

/** edited is a draft after a field was changed. What is as it was before is no edit. */
export function edited(draft: Draft, variable: Variable, edit: Edit | undefined): Draft {
  const rest = Object.fromEntries(Object.entries(draft).filter(([key]) => key !== variable.key));
  if (edit === undefined || isSame(variable, edit)) return rest;
  return { ...rest, [variable.key]: edit };
}

function isSame(variable: Variable, edit: Edit): boolean {
  if (edit.to === 'unset') return !variable.set;
  if (edit.to === 'generate') return false;
  // A secret's value is not known here; an empty field is none that was typed.
  return isSecret(variable) ? edit.value === '' : edit.value === (variable.value ?? '');
}

/** Change is what the API takes. */
export interface Change {
  values: Record<string, string>;
  unset: string[];
  generate: string[];
}

/** changeOf is what a draft sends: an emptied field that may be empty goes back to its default. */
export function changeOf(draft: Draft, variables: readonly Variable[]): Change {
  const change: Change = { values: {}, unset: [], generate: [] };
  for (const variable of variables) {
    const edit = draft[variable.key];
    if (edit === undefined || variable.reserved) continue;
    if (edit.to === 'generate') change.generate.push(variable.key);
    else if (edit.to === 'unset' || (edit.value === '' && !variable.required)) change.unset.push(variable.key);
    else change.values[variable.key] = edit.value;
  }
  return change;
}

/** hasChange reports whether there is anything to send. */
export function hasChange(draft: Draft): boolean {
  return Object.keys(draft).length > 0;
}

/** wrongWith is what can be said of a value before it is sent; empty where nothing can. The API has the last word. */
export function wrongWith(variable: Variable, edit: Edit | undefined): string {
  if (edit === undefined || edit.to !== 'value') return '';
  const { value } = edit;
  if (value === '') return variable.required && !variable.can_generate ? 'It cannot start without this.' : '';
  switch (variable.type) {
    case 'integer':
      if (!/^-?\d+$/.test(value)) return 'This is a whole number, such as 42.';
      break;
    case 'port':
      if (!/^\d+$/.test(value) || Number(value) < 1 || Number(value) > 65535) return 'This is a port: a number from 1 to 65535.';
      break;
    case 'boolean':
      if (!/^(true|false)$/.test(value)) return 'This is true or false.';
      break;
    case 'url':
      if (!URL.canParse(value)) return 'This is an address, such as https://example.org.';
      break;
    case 'enum':
      if (variable.options && !variable.options.includes(value)) return `This is one of ${variable.options.join(', ')}.`;
      break;
  }
  if (variable.pattern && !fits(value, variable.pattern)) return `It does not fit ${variable.pattern}.`;
  return '';
}

// Patterns are RE2, of which browsers know most. One that they do not know is the API's to judge.
function fits(value: string, pattern: string): boolean {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u').test(value);
  } catch {
    return true;
  }
}

/** saidOf is what a refusal says of each key, and what of it stands beside no field. */
export function saidOf(items: readonly Item[], variables: readonly Variable[]): { byKey: Map<string, string>; rest: Item[] } {
  const keys = new Set(variables.map(({ key }) => key));
  const byKey = new Map<string, string>();
  const rest: Item[] = [];
  for (const item of items) {
    const key = item.path?.replace(/^(values|unset|generate)\./, '') ?? '';
    if (!keys.has(key)) rest.push(item);
    else byKey.set(key, [byKey.get(key), [item.message, item.fix].filter(Boolean).join(': ')].filter(Boolean).join('; '));
  }
  return { byKey, rest };
}
