// Whether an answer is one that this page can read. The types say what an API of the same version answers; another one, or
// something between here and there, may answer anything.
import type { Operation } from './types';

const lists: ReadonlySet<string> = new Set(['/api/services', '/api/external-links']);

/** fits reports whether a 200 has what every page takes for granted. */
export function fits(path: string, body: unknown): boolean {
  if (lists.has(path)) return body === null || (Array.isArray(body) && body.every(isNamed));
  if (!isObject(body)) return false;
  switch (path) {
    case '/api/session':
      // DELETE answers with a status alone.
      return isTexts(body, 'who', 'scope') || isTexts(body, 'status');
    case '/api/status':
      return isTexts(body, 'version') && isAgent(body.agent);
    case '/api/operations':
      return isListOf(body.operations, isOperation);
    case '/api/operations/{id}':
      return isOperation(body);
    case '/api/extensions/catalog':
      return isListOf(body.extensions, (one) => isObject(one) && isTexts(one, 'id'));
    case '/api/features':
      return isListOf(body.features, isNamed);
    default:
      return true;
  }
}

/** isOperation reports whether it has what every list of operations shows. */
export function isOperation(value: unknown): value is Operation {
  return isObject(value) && isTexts(value, 'id', 'kind', 'extension', 'state', 'actor', 'started') && isListOf(value.stages, isStage) && isFailure(value.error);
}

/** isAgent reports whether it says that the host agent is there or not, and why in words. */
export function isAgent(value: unknown): boolean {
  return isObject(value) && typeof value.available === 'boolean' && (value.reason === undefined || typeof value.reason === 'string');
}

/** isObject reports whether it has fields: no null, and no list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTexts(value: Record<string, unknown>, ...names: string[]): boolean {
  return names.every((name) => typeof value[name] === 'string');
}

// The contract lets a list be null or absent.
function isListOf(value: unknown, is: (one: unknown) => boolean): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.every(is));
}

const isNamed = (value: unknown) => isObject(value) && isTexts(value, 'id');
const isStage = (value: unknown) => isObject(value) && isTexts(value, 'name', 'started');
const isFailure = (value: unknown) => value === undefined || (isObject(value) && isTexts(value, 'code', 'detail'));
