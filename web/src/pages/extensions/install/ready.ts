// What is still to be done before an extension can be turned on.
import { type Entry, list } from '../../../api/types';
import { type Draft, isSecret, type Variable, wrongWith } from '../configForm';
import { grantOf } from '../../../operations/grants';
import type { Grant, Plan } from '../usePlan';

/** askedOf is the grants that a person has to give: those that the plan needs and nobody has given before. */
export function askedOf(entry: Pick<Entry, 'grants'>, plan: Plan | undefined, accepted: readonly Grant[]): Grant[] {
  // Without a model, where a value is missing say, there is what the manifest asks for.
  if (plan?.plan_hash === undefined) return list(entry.grants).filter((grant) => grantOf(grant).asked) as Grant[];
  const before = list(plan.grants.given).filter((grant) => !accepted.includes(grant as Grant));
  return list(plan.grants.needed).filter((grant) => grantOf(grant).asked && !before.includes(grant)) as Grant[];
}

/** parted is the variables without which it cannot start, and those that may stay as they are. */
export function parted(variables: readonly Variable[]): { needed: Variable[]; optional: Variable[] } {
  const open = variables.filter(({ reserved }) => !reserved);
  const needs = (variable: Variable) => variable.required && !variable.set && !variable.can_generate && !variable.value;
  return { needed: open.filter(needs), optional: open.filter((variable) => !needs(variable)) };
}

/** valuesOf is what was typed and can be sent with an install. */
export function valuesOf(draft: Draft, variables: readonly Variable[]): Record<string, string> {
  const values: Record<string, string> = {};
  for (const variable of variables) {
    const edit = draft[variable.key];
    if (edit?.to === 'value' && edit.value !== '' && wrongWith(variable, edit) === '') values[variable.key] = edit.value;
  }
  return values;
}

/** missingOf names the needed variables that have no value that could do, and the others whose value could not. */
export function missingOf(draft: Draft, variables: readonly Variable[]): string[] {
  const { needed, optional } = parted(variables);
  return [
    ...needed.filter((variable) => {
      const edit = draft[variable.key];
      return edit?.to !== 'value' || edit.value === '' || wrongWith(variable, edit) !== '';
    }),
    ...optional.filter((variable) => wrongWith(variable, draft[variable.key]) !== ''),
  ].map(({ key }) => key);
}

/** isAsked reports whether a refusal is one that the form itself asks for. */
export function isAsked(code: string | undefined): boolean {
  return code === 'grants_required' || code === 'missing_config' || code === 'missing_dependencies';
}

/** keyIn is the variable of this form that mends a port which is taken, where the refusal names one. */
export function keyIn(code: string | undefined, texts: readonly string[], variables: readonly Variable[]): string | undefined {
  if (code !== 'port_taken') return undefined;
  const named = new Set(texts.flatMap((text) => text.match(/\w+/g) ?? []));
  return variables.find(({ key, reserved }) => !reserved && named.has(key))?.key;
}

const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789';

/** randomSecret is a value that nobody can guess: 32 letters and digits, about 185 bits. */
export function randomSecret(): string {
  // Bytes beyond the last whole alphabet would make its first letters likelier.
  const most = 256 - (256 % letters.length);
  let text = '';
  while (text.length < 32) {
    for (const byte of crypto.getRandomValues(new Uint8Array(64))) {
      if (byte < most && text.length < 32) text += letters.charAt(byte % letters.length);
    }
  }
  return text;
}

/** mayInvent reports whether a value for it can be made up here: a secret that the API would not make by itself. */
export function mayInvent(variable: Variable): boolean {
  return isSecret(variable) && !variable.can_generate && !variable.set && wrongWith(variable, { to: 'value', value: 'A'.repeat(32) }) === '';
}
