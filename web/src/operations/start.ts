import { ask, newKey } from '../api/client';
import { Unreachable } from '../api/problem';
import type { Operation, Schemas } from '../api/types';

/** Change is what can be wanted of an extension. */
export type Change =
  | { action: 'install'; id: string; values?: Record<string, string>; grants?: Schemas['InstallBody']['grants']; planHash?: string | undefined }
  | { action: 'enable'; id: string; withDependencies?: boolean; planHash?: string | undefined }
  | { action: 'disable' | 'start' | 'stop' | 'restart'; id: string }
  | { action: 'uninstall'; id: string; forgetConfig?: boolean };

/**
 * start begins a change and returns its operation, which goes on behind the reply. key names the wish: an attempt that got
 * no answer is repeated with it, and is made once all the same.
 */
export async function start(change: Change, key: string = newKey(), pause = wait): Promise<Operation> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(change, key);
    } catch (error) {
      if (!(error instanceof Unreachable) || attempt >= attempts) throw error;
      await pause(attempt * 500);
    }
  }
}

const attempts = 3;

async function once(change: Change, key: string): Promise<Operation> {
  const headers = { Prefer: 'respond-async', 'Idempotency-Key': key };
  const path = { id: change.id };
  let reply: unknown;
  switch (change.action) {
    case 'install':
      reply = await ask('post', '/api/extensions/{id}/install', { path, headers, body: { values: change.values ?? {}, grants: change.grants ?? [], ...planOf(change) } });
      break;
    case 'enable':
      reply = await ask('post', '/api/extensions/{id}/enable', { path, headers, query: change.withDependencies ? { with_dependencies: true } : planOf(change) });
      break;
    case 'uninstall':
      reply = await ask('delete', '/api/extensions/{id}', { path, headers, query: change.forgetConfig ? { forget_config: true } : {} });
      break;
    default:
      reply = await ask('post', `/api/extensions/{id}/${change.action}`, { path, headers });
  }
  return reply as Operation; // Prefer: respond-async makes every reply a 202, whose body is the operation
}

// A plan is carried out, or refused as plan_changed.
function planOf({ planHash }: { planHash?: string | undefined }): { plan_hash?: string } {
  return planHash === undefined ? {} : { plan_hash: planHash };
}

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
