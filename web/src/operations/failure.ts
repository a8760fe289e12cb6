// Why an operation failed, and what to do about it.
import { type Notice, noticeOfFailure } from '../api/problem';
import { type Failure, list, type Operation } from '../api/types';
import { stageOfFailure } from './StageList';
import { kindOf } from './words';

// Their titles say no more than that it failed.
const bare: readonly string[] = ['start_failed', 'stop_failed', 'internal', ''];

/** noticeOfOperation is why an operation failed, under the name of what was tried. */
export function noticeOfOperation(operation: Operation, error: Failure): Notice {
  const notice = noticeOfFailure(error);
  const title = `${kindOf(operation.kind)} failed`;
  return {
    ...notice,
    title: bare.includes(error.code) ? title : `${title}: ${notice.title.charAt(0).toLowerCase()}${notice.title.slice(1)}`,
    next: notice.next || (error.code === 'start_failed' ? afterStart(operation, notice.log !== '') : ''),
  };
}

function afterStart(operation: Operation, hasLog: boolean): string {
  switch (list(operation.stages)[stageOfFailure(operation)]?.name) {
    case 'pull':
      return 'See that the image is called that, and that this machine reaches its registry. Then try again.';
    case 'build':
      return 'What Docker said shows which step of the build failed. When that is mended, try again.';
    default:
      return hasLog ? 'The end of its log says why. When that is mended, in its settings perhaps, try again.' : 'When that is mended, in its settings perhaps, try again.';
  }
}

/** Remedies is what a person can be led to after a failure. */
export interface Remedies {
  /** The policies, which refused it: nothing else helps. */
  policies: boolean;
  /** The log, where containers had the time to write one. */
  log: boolean;
  /** The settings, where one of them mends it. */
  settings: boolean;
}

/** remediesOf says what helps after a failure. */
export function remediesOf(operation: Operation, code: string): Remedies {
  const stage = list(operation.stages)[stageOfFailure(operation)]?.name;
  const policies = code.startsWith('policy_');
  return { policies, log: code === 'start_failed' && stage !== 'pull' && stage !== 'build', settings: code === 'port_taken' || code === 'missing_config' || code === 'invalid_config' };
}
